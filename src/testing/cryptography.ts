/**
 * Web Crypto works on other threads, where the event loop does not show it: an RSA signature under way looks like
 * nothing at all. Whoever waits until nothing goes on has to count it.
 */

let underWay = 0;
let isCounted = false;

/**
 * Counts the cryptography under way from now on: `crypto.subtle` gets methods that count and otherwise do what they
 * did.
 */
export function countCryptography(): () => number {
  if (!isCounted) wrapMethods();
  isCounted = true;
  return () => underWay;
}

type Method = (...given: unknown[]) => unknown;

function wrapMethods(): void {
  const { subtle } = crypto;
  const prototype: unknown = Object.getPrototypeOf(subtle);
  const done = (): void => {
    underWay--;
  };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method: unknown = Reflect.get(subtle, name);
    if (name === 'constructor' || typeof method !== 'function') continue;
    const counted: Method = (...given) => {
      const work: unknown = Reflect.apply(method, subtle, given);
      if (work instanceof Promise) {
        underWay++;
        work.then(done, done);
      }
      return work;
    };
    Object.defineProperty(subtle, name, { value: counted, configurable: true, writable: true });
  }
}
