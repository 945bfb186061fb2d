import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatData, formatItems, parseFormat } from './format.ts';

const data = {
  digest: 'sha256:a',
  size: 7,
  none: null,
  labels: { 'org.example.title': 'x', org: { y: 'nested' } },
  platforms: [
    { name: 'linux/amd64', layers: [{ size: 1 }, { size: 2 }] },
    { name: 'linux/arm64', layers: [{ size: 3 }] },
  ],
  names: ['b', 'a'],
  empty: [],
};
const table = () => 'the table\n';
const show = (format: string) => formatData(data, parseFormat(format), table, { toTerminal: false });

describe('--format', () => {
  test('JSON has no control and no direction in it, and means the same', () => {
    const hostile = { name: '\u009b2J\u202ex\u001b[m' };
    const text = formatData(hostile, parseFormat('json'), table);
    assert.match(text, /^[\n\x20-\x7e]*$/);
    assert.deepEqual(JSON.parse(text), hostile);
  });

  test('table, JSON, a field, text around fields', () => {
    assert.equal(show('table'), 'the table\n');
    assert.deepEqual(JSON.parse(show('json')), data);
    assert.equal(show('{digest}'), 'sha256:a\n');
    assert.equal(show('{digest} has {size} bytes{none}'), 'sha256:a has 7 bytes\n');
    assert.equal(show('{platforms.1.name}'), 'linux/arm64\n');
    assert.equal(show('{labels.org.y}'), 'nested\n');
    assert.equal(show('{labels.org}'), '{"y":"nested"}\n');
  });

  test('names with dots in them', () => {
    assert.equal(show('{labels.org.example.title}'), 'x\n');
  });

  test('a line for each item of a list, fields behind one list side by side', () => {
    assert.equal(show('{names}'), 'b\na\n');
    assert.equal(show('{empty}'), '');
    assert.equal(show('{platforms.name}'), 'linux/amd64\nlinux/arm64\n');
    assert.equal(
      show('{digest} {platforms.name} {platforms.layers.size}'),
      'sha256:a linux/amd64 1\nsha256:a linux/amd64 2\nsha256:a linux/arm64 3\n',
    );
    const list = formatData([{ a: 1 }, { a: 2 }], parseFormat('{a}'), table, { toTerminal: false });
    assert.equal(list, '1\n2\n');
  });

  test('long lists come piece by piece', () => {
    const items = (format: string, list: object[]) =>
      [...formatItems(list, parseFormat(format), () => 'row', { toTerminal: false })].join('');
    for (const list of [[], [{ a: 1 }], [{ a: 1 }, { a: 2 }]])
      assert.deepEqual(JSON.parse(items('json', list)), list);
    assert.equal(items('table', [{ a: 1 }, { a: 2 }]), 'row\nrow\n');
    assert.equal(items('{a}', [{ a: 1 }, { a: 2 }]), '1\n2\n');
  });

  test('a field that is not there says which are', () => {
    assert.throws(() => show('{platforms.nam}'), { code: 'NOT_FOUND', hint: 'there are name, layers' });
    assert.throws(() => show('{digest.x}'), { code: 'NOT_FOUND' });
    assert.throws(() => show('{constructor}'), { code: 'NOT_FOUND' });
  });

  test('what is no format is refused', () => {
    for (const text of ['yaml', '', '{}', '{{.Digest}}', '{ a }']) {
      assert.throws(() => parseFormat(text), { code: 'USAGE' }, text);
    }
  });

  test('a terminal gets no control characters', () => {
    const format = parseFormat('{a}');
    assert.equal(formatData({ a: 'x\u001b[2J' }, format, table, { toTerminal: true }), 'x [2J\n');
    assert.equal(formatData({ a: 'x\u001b[2J' }, format, table, { toTerminal: false }), 'x\u001b[2J\n');
  });
});
