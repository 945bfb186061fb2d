import type { Outline } from '../../app/check-build.ts';
import { printable } from '../../lib/redact.ts';
import { table } from '../table.ts';
import { jsonLocation, jsonSources } from './location.ts';

/** The fields of buildx's `--call outline,format=json`. */
export function outlineJson(outline: Outline & { readonly text: string }) {
  const { name, description, secrets, ssh, text } = outline;
  const use = (one: Outline['secrets'][number]) => ({
    name: one.name,
    ...(one.required ? { required: true } : {}),
    location: jsonLocation(one.range),
  });
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    args: outline.arguments.map((argument) => ({
      name: argument.name,
      ...(argument.description === undefined ? {} : { description: argument.description }),
      ...(argument.value ? { value: argument.value } : {}),
      location: jsonLocation(argument.range),
    })),
    ...(secrets.length === 0 ? {} : { secrets: secrets.map(use) }),
    ...(ssh.length === 0 ? {} : { ssh: ssh.map(use) }),
    sources: jsonSources(text),
  };
}

export function renderOutline(outline: Outline): string {
  const { name, description, secrets, ssh } = outline;
  const parts: string[] = [];
  if (name !== undefined || description !== undefined) {
    const lines = [
      ...(name === undefined ? [] : [`TARGET:       ${name}`]),
      ...(description === undefined ? [] : [`DESCRIPTION:  ${printable(description)}`]),
    ];
    parts.push(`${lines.join('\n')}\n`);
  }
  if (outline.arguments.length > 0) {
    const rows = outline.arguments.map((one) => [one.name, one.value ?? '', one.description ?? '']);
    parts.push(table([{ title: 'BUILD ARG' }, { title: 'VALUE' }, { title: 'DESCRIPTION' }], rows));
  }
  for (const [title, uses] of [
    ['SECRET', secrets],
    ['SSH', ssh],
  ] as const) {
    if (uses.length === 0) continue;
    const rows = uses.map((use) => [use.name, use.required ? 'true' : '']);
    parts.push(table([{ title }, { title: 'REQUIRED' }], rows));
  }
  return parts.join('\n');
}
