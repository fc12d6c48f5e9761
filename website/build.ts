import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import {
  Application,
  Comment,
  CommentTag,
  JSX,
  KindRouter,
  type Reflection,
  type CommentDisplayPart,
  Converter,
  type DeclarationReflection,
  type DocumentReflection,
  type TypeDocOptions,
} from 'typedoc';
import { buildExplorer } from '../explorer/build.ts';
import { doorsByFile, root } from './doors.ts';
import { guides, sentenceOf, type Guide } from './guides.ts';
import { finish } from './finish.ts';
import { documentReferredTypes, namedByOthers, referredTypes } from './referred-types.ts';

const { version } = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8')) as { version: string };

/** The heading over the package's doors. */
const api = 'API';

/**
 * Builds the site: the pages of `docs/`, the docstrings of every door, and the explorer. It works from a folder and
 * without a network.
 *
 * @throws {Error} for anything that typedoc warns of, and for a link that leads nowhere
 */
export async function buildSite(folder: string): Promise<{ pages: number }> {
  const all = guides();
  const app = await Application.bootstrap(optionsFor(all));
  app.renderer.defineRouter('by-file', ByFile);
  documentReferredTypes(app, posix.join(root, 'src/'));
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => nameGuide(document, all));
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) nameDoor(module);
    for (const type of referredTypes) addTag(type, '@group', namedByOthers);
    withoutHeading(project.readme);
  });

  // Whoever comes for the first time sees what there is; what he closes stays closed.
  const open = [...new Set(all.map(({ group }) => group))].slice(0, 4);
  app.renderer.hooks.on('head.begin', () =>
    JSX.createElement('script', null, JSX.createElement(JSX.Raw, { html: opening(open) })),
  );

  const project = await app.convert();
  if (project === undefined) throw new Error('The site is not built: typedoc could not read the sources.');
  app.validate(project);
  await app.generateDocs(project, folder);
  if (app.logger.hasErrors() || app.logger.hasWarnings())
    throw new Error('The site is not built: each line above tells what to mend.');
  await buildExplorer(posix.join(folder, 'explorer'), { home: '../index.html' });
  return { pages: finish(folder) };
}

function optionsFor(all: readonly Guide[]): TypeDocOptions {
  return {
    tsconfig: posix.join(root, 'website/tsconfig.json'),
    entryPoints: [...doorsByFile().keys()].map(file => posix.join(root, file)),
    projectDocuments: all.map(({ file }) => posix.join(root, file)),
    readme: posix.join(root, 'README.md'),
    name: 'tillpaid',
    router: 'by-file',
    sortEntryPoints: false,
    // The compiler has its own check, and there is no public address of the sources yet.
    skipErrorChecking: true,
    disableSources: true,
    hideGenerator: true,
    customFooterHtml: `tillpaid ${version} · MIT`,
    includeHierarchySummary: false,
    githubPages: false,
    searchInDocuments: true,
    navigation: { includeGroups: true, includeCategories: false, compactFolders: true },
    groupOrder: [...new Set(all.map(({ group }) => group)), api, '*', namedByOthers],
    categorizeByGroup: false,
    navigationLinks: { Explorer: 'explorer/index.html' },
    customCss: posix.join(root, 'website/site.css'),
    highlightLanguages: [
      'bash',
      'console',
      'css',
      'html',
      'javascript',
      'json',
      'sql',
      'typescript',
      'yaml',
      'php',
      'python',
      'go',
    ],
    ignoredHighlightLanguages: ['text'],
    validation: {
      notExported: true,
      invalidLink: true,
      rewrittenLink: true,
      notDocumented: false,
      unusedMergeModuleWith: true,
    },
  };
}

const addresses = new WeakMap<Reflection, string>();

/** Pages have the addresses of their files: `docs/on-call.md` is `guides/on-call.html`. */
class ByFile extends KindRouter {
  override getIdealBaseName(reflection: Reflection): string {
    return addresses.get(reflection) ?? super.getIdealBaseName(reflection);
  }
}

/** `docs/on-call.md` → `guides/on-call`, `src/adapters/qfpay/README.md` → `guides/qfpay`. */
const addressOf = (file: string): string =>
  `guides/${posix.basename(file.replace(/\/README\.md$/, '.md'), '.md').toLowerCase()}`;

/** A page by its own heading, under the heading of the index that it stands under. */
function nameGuide(document: DocumentReflection, all: readonly Guide[]): void {
  const guide = all.find(({ file }) => file === `${document.name}.md`);
  if (guide === undefined) throw new Error(`${document.name} is no page of the index, docs/README.md.`);
  addresses.set(document, addressOf(guide.file));
  document.name = guide.title;
  document.frontmatter = { ...document.frontmatter, group: guide.group };
  document.content = document.content.map(plainIn(document.content));
}

/** Code in a heading as text: what typedoc makes of it is left out of addresses and of the list on the right. */
function plainIn(
  content: readonly CommentDisplayPart[],
): (part: CommentDisplayPart, index: number) => CommentDisplayPart {
  return (part, index) => {
    const line =
      content
        .slice(0, index)
        .map(({ text }) => text)
        .join('')
        .split('\n')
        .at(-1) ?? '';
    if (part.kind !== 'code' || !/^#{1,6} /.test(line)) return part;
    return { kind: 'text', text: part.text.replaceAll('`', '').replaceAll('<', '&lt;') };
  };
}

/** The page's head says it already. */
function withoutHeading([first]: readonly CommentDisplayPart[] = []): void {
  if (first !== undefined) first.text = first.text.replace(/^# .+\n+/, '');
}

/** A module by the name that one imports it by. */
function nameDoor(module: DeclarationReflection): void {
  const door = [`src/${module.name}.ts`, `src/${module.name}/index.ts`]
    .map(file => doorsByFile().get(file))
    .find(found => found !== undefined);
  if (door === undefined) throw new Error(`${module.name} is no door of the package.`);
  const sentence = sentenceOf(door);
  if (sentence === undefined) throw new Error(`docs/README.md has no row for ${door}: add it to the table of doors.`);
  module.name = door;
  module.comment = new Comment([{ kind: 'text', text: sentence }]);
  addTag(module, '@group', api);
}

const opening = (groups: readonly string[]): string =>
  `try { for (const group of ${JSON.stringify(groups)}) localStorage['tsd-accordion-' + group] ??= 'true'; } catch {}`;

function addTag(to: { comment?: Comment }, tag: `@${string}`, text: string): void {
  to.comment ??= new Comment();
  to.comment.blockTags.push(new CommentTag(tag, [{ kind: 'text', text }]));
}
