/** What every page does: the switch between light and dark, and the filter of a list. */

type Theme = 'light' | 'dark';

const KEY = 'tillpaid-theme';
const root = document.documentElement;

function stored(): Theme | undefined {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : undefined;
  } catch {
    // A browser may keep nothing for a page from a file.
    return undefined;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It lasts for this page then.
  }
}

const theme = (): Theme =>
  (root.dataset['theme'] as Theme | undefined) ??
  (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

function startSwitch(): void {
  const button = document.querySelector<HTMLButtonElement>('#theme');
  if (button === null) return;
  const show = (): void => {
    button.textContent = theme() === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', theme() === 'dark' ? 'Light colours' : 'Dark colours');
  };
  button.addEventListener('click', () => {
    const next = theme() === 'dark' ? 'light' : 'dark';
    root.dataset['theme'] = next;
    store(next);
    show();
  });
  show();
  button.hidden = false;
}

function startFilter(): void {
  const form = document.querySelector<HTMLFormElement>('#filter');
  if (form === null) return;
  const value = (id: string): string => form.querySelector<HTMLInputElement>(`#${id}`)?.value ?? '';
  const rows = [...document.querySelectorAll<HTMLElement>('#codes tbody')].map(body => ({
    body,
    text: body.textContent.toLowerCase(),
    acts: body.dataset['acts']?.split(' ') ?? [],
    operations: body.dataset['operations']?.split(' ') ?? [],
  }));
  const count = form.querySelector('output');
  const show = (): void => {
    const [text, operation, act] = [
      value('filter-text').trim().toLowerCase(),
      value('filter-operation'),
      value('filter-act'),
    ];
    let shown = 0;
    for (const row of rows) {
      const isShown =
        row.text.includes(text) &&
        (operation === '' || row.operations.includes(operation)) &&
        (act === '' || row.acts.includes(act));
      row.body.hidden = !isShown;
      if (isShown) shown++;
    }
    if (count !== null) count.textContent = `${shown} of ${rows.length}`;
  };
  form.addEventListener('input', show);
  form.addEventListener('submit', event => event.preventDefault());
  form.hidden = false;
  show();
}

const chosen = stored();
if (chosen !== undefined) root.dataset['theme'] = chosen;
document.addEventListener('DOMContentLoaded', () => {
  startSwitch();
  startFilter();
});
