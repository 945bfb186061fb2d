const setUid = 0o4000;
const setGid = 0o2000;
const sticky = 0o1000;
const other = 0o007;
/** Without the sticky bit: `=` leaves that alone, unless `t` is named. */
const standard = setUid | setGid | 0o777;

const classes: Readonly<Record<string, number>> = {
  a: standard,
  u: setUid | 0o700,
  g: setGid | 0o070,
  o: other,
};

/** What `--chmod` makes of a file's mode. */
export interface FileMode {
  /** All twelve bits, when they do not depend on the file: `--chmod` in octal. */
  readonly absolute: number | undefined;
  apply(mode: number, isDirectory: boolean): number;
}

type Change = (mode: number, original: number, isDirectory: boolean) => number;

/** `755`, or `u=rwX,go-w` in the rules of setmode(3) with a umask of 0, as BuildKit has them. Undefined when it is neither. */
export function parseFileMode(text: string): FileMode | undefined {
  if (/^0*[0-7]{1,4}$/.test(text)) {
    const absolute = Number.parseInt(text, 8);
    return { absolute, apply: () => absolute };
  }
  const changes = text.length <= 1024 ? parseChanges(text) : undefined;
  if (changes === undefined) return undefined;
  const apply = (mode: number, isDirectory: boolean) =>
    changes.reduce((changed, change) => change(changed, mode, isDirectory), mode);
  return { absolute: undefined, apply };
}

function parseChanges(text: string): Change[] | undefined {
  const changes: Change[] = [];
  for (const clause of text.split(',')) {
    const [, who = '', actions = ''] = /^([augo]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause) ?? [];
    if (actions === '') return undefined;
    let affected = 0;
    for (const name of who) affected |= classes[name] ?? 0;
    for (const [action] of actions.matchAll(/[-+=][^-+=]*/g)) {
      affected = parseAction(action, affected, changes);
    }
  }
  return changes;
}

/** Gives the affected bits for the clause's next action: `t` adds the sticky one to them. */
function parseAction(action: string, who: number, changes: Change[]): number {
  const operator = action[0] ?? '';
  let affected = who;
  let bits = 0;
  let conditional = 0;
  let cleared = operator !== '=';
  const flush = () => {
    const within = (wanted: number) => (affected === 0 ? wanted : wanted & affected);
    if (bits !== 0 || !cleared) {
      if (operator === '=') {
        const all = affected === 0 ? standard : affected;
        changes.push((mode) => mode & ~all);
        cleared = true;
      }
      const wanted = within(bits);
      changes.push(operator === '-' ? (mode) => mode & ~wanted : (mode) => mode | wanted);
      bits = 0;
    }
    if (conditional !== 0) {
      const wanted = within(conditional);
      changes.push((mode, original, isDirectory) =>
        isDirectory || (original & 0o111) !== 0 ? mode | wanted : mode,
      );
      conditional = 0;
    }
  };
  for (const permission of action.slice(1)) {
    const onlyOther = affected !== 0 && (affected & ~other) === 0;
    if (permission === 'r') bits |= 0o444;
    else if (permission === 'w') bits |= 0o222;
    else if (permission === 'x' || (permission === 'X' && operator === '-')) bits |= 0o111;
    else if (permission === 'X') conditional = 0o111;
    else if (permission === 's') bits |= onlyOther ? 0 : setUid | setGid;
    else if (permission === 't') {
      if (onlyOther) continue;
      if (affected !== 0) affected |= sticky;
      bits |= sticky;
    } else {
      // What came before is applied first, then another class's bits are copied.
      cleared = true;
      flush();
      changes.push(copyOf(permission, operator, affected === 0 ? standard : affected));
    }
  }
  flush();
  return affected;
}

/** `g=u`: a class takes another's bits. */
function copyOf(from: string, operator: string, affected: number): Change {
  const shift = from === 'u' ? 6 : from === 'g' ? 3 : 0;
  const spread = (value: number) =>
    (affected & 0o400 ? value << 6 : 0) |
    (affected & 0o040 ? value << 3 : 0) |
    (affected & 0o004 ? value : 0);
  return (mode) => {
    const value = (mode >> shift) & 7;
    if (operator === '-') return mode & ~spread(value);
    return (operator === '=' ? mode & ~spread(7) : mode) | spread(value);
  };
}
