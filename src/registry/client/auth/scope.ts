export type Action = 'pull' | 'push' | 'delete';

/** `repository:a/b:pull,push` (distribution's token scope). */
export function scopeOf(repository: string, ...actions: Action[]): string {
  return `repository:${repository}:${actions.join(',')}`;
}

/** Does a token for `have` allow all of `wanted`? */
export function covers(have: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => {
    const [resource, actions] = split(scope);
    return have.some((candidate) => {
      const [other, allowed] = split(candidate);
      return other === resource && actions.every((action) => allowed.includes(action));
    });
  });
}

function split(scope: string): [resource: string, actions: string[]] {
  const colon = scope.lastIndexOf(':');
  return [scope.slice(0, colon), scope.slice(colon + 1).split(',')];
}
