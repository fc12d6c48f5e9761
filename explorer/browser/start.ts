import type { Provider } from '../provider.ts';
import { startSchedule } from './schedule.ts';
import { startTool, tell, type Asked, type Told } from './tool.ts';

declare global {
  /** What the built page explains by, for its tests. */
  var tillpaidExplorer: { readonly tell: (asked: Asked) => Told } | undefined;
}

/** Begins whatever the page has a form for. */
export function start(providers: readonly Provider[]): void {
  globalThis.tillpaidExplorer = { tell: asked => tell(providers, asked) };
  if (typeof document === 'undefined') return;
  if (document.getElementById('tool') !== null) startTool(providers);
  if (document.getElementById('schedule') !== null) startSchedule(providers);
}
