/**
 * Whether two texts are equal. How long it takes tells nothing but their lengths, so that nobody learns a signature
 * letter by letter.
 */
export function timingSafeEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  // Past the end of a text, `charCodeAt` is NaN, which counts as 0 here.
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}
