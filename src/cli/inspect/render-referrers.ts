import type { ReferrerNode, ReferrerTree } from '../../app/inspect/inspect-referrers.ts';
import { printable } from '../../lib/redact.ts';
import { formatBytes } from '../table.ts';

/** A tree as `tree(1)` draws it. */
export function renderReferrers({ reference, root }: ReferrerTree): string {
  const lines = [`${reference}  ${root.digest}`];
  draw(root.referrers, '', lines);
  return `${lines.join('\n')}\n`;
}

function draw(nodes: readonly ReferrerNode[], indent: string, lines: string[]): void {
  nodes.forEach((node, position) => {
    const last = position === nodes.length - 1;
    lines.push(`${indent}${last ? '└── ' : '├── '}${label(node)}`);
    draw(node.referrers, `${indent}${last ? '    ' : '│   '}`, lines);
  });
}

const cosignNames: Readonly<Record<string, string>> = {
  sig: 'cosign signature',
  att: 'cosign attestation',
  sbom: 'cosign SBOM',
};

function label(node: ReferrerNode): string {
  const { digest, size, via, tag } = node;
  if (via === 'index') return `${printable(node.platform ?? 'unknown platform')}  ${digest}`;
  const kind =
    tag !== undefined
      ? (cosignNames[tag.slice(tag.lastIndexOf('.') + 1)] ?? tag)
      : via === 'in-index attestation'
        ? 'attestation in the index'
        : (node.artifactType ?? node.mediaType);
  return `${printable(kind)}  ${digest}  ${formatBytes(size)}`;
}
