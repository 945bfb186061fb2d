/** Longer words are not worth the comparison. */
const maxLength = 40;

/** The word of `known` that `word` most likely means, case aside; none when all are too far away. */
function suggest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > maxLength) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  // BuildKit's bound, less what would replace the whole word.
  let least = Math.min(3, wanted.length);
  for (const candidate of known) {
    if (isTooFar(wanted, candidate, least)) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/** The same, letter by letter as BuildKit suggests variables: another case is another word. None for a word that is known. */
export function suggestExactCase(word: string, known: Iterable<string>): string | undefined {
  if (word.length > maxLength) return undefined;
  let best: string | undefined;
  let least = 3;
  for (const candidate of known) {
    if (candidate === word) return undefined;
    if (isTooFar(word, candidate, least)) continue;
    const distance = editDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/** `(did you mean COPY?)` with a space before it, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = suggest(word, known);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/** What the lengths alone say. */
function isTooFar(word: string, candidate: string, least: number): boolean {
  return candidate.length > maxLength || Math.abs(candidate.length - word.length) >= least;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
