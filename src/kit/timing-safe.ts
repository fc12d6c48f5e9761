/**
 * Whether two texts are equal. The time it takes reveals only their lengths, so that an attacker learns no signature
 * letter by letter.
 */
export function timingSafeEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  // Past the end of a text, `charCodeAt` is NaN, which counts as 0 here.
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}
