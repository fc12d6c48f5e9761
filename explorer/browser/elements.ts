/** An element of the page. @throws where the page lacks it */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found;
}

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** A field of a form. @throws where the page lacks it */
export const inputOf = (id: string): Input => element(id) as Input;
