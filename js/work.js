// Proof of work: the puzzles that protocol/src/captcha.rs describes. Plain JavaScript, because the browser's own
// SHA-256 needs a promise for each hash and is fifty times as slow.

// SHA-256 derives its constants from the roots of the first primes.
const [BEGIN, ROUND] = /** @type {number[][]} */ ([[], []]);
for (let n = 2; ROUND.length < 64; n++) {
  const bits = (/** @type {number} */ power) => ((n ** power % 1) * 2 ** 32) | 0;
  let factor = 2;
  while (n % factor) factor++;
  if (factor === n) {
    BEGIN.push(bits(1 / 2));
    ROUND.push(bits(1 / 3));
  }
}

/** @type {(word: number, by: number) => number} */
const turned = (word, by) => (word >>> by) | (word << (32 - by));

/**
 * Returns the first 32 bits of the hash of a one-block message.
 * @param {Int32Array} words
 */
function hash(words) {
  let [a, b, c, d, e, f, g, h] = BEGIN;
  for (let at = 0; at < 64; at++) {
    if (at > 15) {
      const [x, y] = [words[at - 15], words[at - 2]];
      words[at] =
        words[at - 16] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + words[at - 7] + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
    }
    const one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (g ^ (e & (f ^ g))) + ROUND[at] + words[at];
    const other = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) | (c & (a | b)));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + other) | 0];
  }
  return (BEGIN[0] + a) >>> 0;
}

const SLICE = 16; // milliseconds, so that the page stays usable (D-31)
// A message instead of a timer: timers of a hidden page wait for a second.
const pause = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(0);
  });

/**
 * Solves puzzles whose seed has 24 characters. Returns the solutions, separated by dots. Ends early when the signal is
 * aborted.
 * @param {string} seed
 * @param {number} puzzles
 * @param {number} difficulty
 * @param {AbortSignal} signal
 */
export async function solve(seed, puzzles, difficulty, signal) {
  const words = new Int32Array(64);
  for (let at = 0; at < 24; at++) words[at >> 2] |= seed.charCodeAt(at) << (24 - (at % 4) * 8);
  words[8] = 1 << 31; // end of the message
  words[15] = 256; // its length in bits
  const numbers = [];
  for (let until = 0; numbers.length < puzzles && !signal.aborted; ) {
    if (words[7] % 256 === 0 && performance.now() > until) {
      await pause();
      until = performance.now() + SLICE;
    }
    words[6] = numbers.length;
    if (hash(words) * difficulty < 2 ** 32) {
      numbers.push(words[7]);
      words[7] = 0;
    } else words[7]++;
  }
  return numbers.join(".");
}
