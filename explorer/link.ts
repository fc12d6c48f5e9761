/** The address of a code's page below its provider's folder: a code's own slashes are folders. */
export const fileOf = (code: string): string => `${code}.html`;

/** The same as a link. */
export const linkOf = (code: string): string => fileOf(code).split('/').map(encodeURIComponent).join('/');
