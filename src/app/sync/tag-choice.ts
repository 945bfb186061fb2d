import semver from 'semver';
import { reasonOf } from '../../lib/errors.ts';
import { isReferrerTag } from '../../oci/referrers-tag.ts';
import type { TagChoice } from './sync-source.ts';

/** A Go regular expression as JavaScript's; flags in front, as `(?i)`, are understood. Anchors are the user's own. */
export function patternOf(text: string, refuse: (what: string) => Error): RegExp {
  const flags = /^\(\?([is]+)\)/.exec(text);
  try {
    return new RegExp(text.slice(flags?.[0].length ?? 0), `${flags?.[1] ?? ''}u`);
  } catch (error) {
    throw refuse(`no regular expression: ${reasonOf(error)}`);
  }
}

/** A range as Masterminds/semver writes them, which skopeo uses: a comma is "and". */
export function constraintOf(text: string, refuse: (what: string) => Error): string {
  if (text.includes('!=')) throw refuse('ranges with != are not supported');
  const range = semver.validRange(text.replaceAll(',', ' ').replaceAll('=>', '>=').replaceAll('=<', '<='));
  if (range === null) throw refuse(`"${text}" is no range of versions`);
  return range;
}

/** `v1.2` is 1.2.0, as Masterminds/semver reads it; undefined for a tag that is no version. */
function versionOf(tag: string): string | undefined {
  const parts = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]+)?$/.exec(tag);
  if (!parts) return undefined;
  const [, major, minor = '0', patch = '0', suffix = ''] = parts;
  return semver.valid(`${Number(major)}.${Number(minor)}.${Number(patch)}${suffix}`) ?? undefined;
}

/** Of a repository's tags those that are meant; tags that lie beside images come with these. */
export function chosenTags(choice: TagChoice, tags: readonly string[]): string[] {
  switch (choice.kind) {
    case 'listed':
      return [...choice.identifiers];
    case 'all':
      return tags.filter((tag) => !isReferrerTag(tag));
    case 'pattern':
      return tags.filter((tag) => !isReferrerTag(tag) && choice.pattern.test(tag));
    case 'semver':
      return tags.filter((tag) => {
        const version = versionOf(tag);
        return version !== undefined && semver.satisfies(version, choice.constraint);
      });
  }
}
