import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchPlatforms, runnableVariants, windowsRuns } from './match-platforms.ts';
import { parsePlatform } from './platform.ts';

test('what a processor runs, best first', () => {
  const cases: Record<string, string> = {
    'linux/arm/v8': 'v8 v7 v6 v5',
    'linux/arm': 'v7 v6 v5',
    'linux/arm/v6': 'v6 v5',
    'linux/arm/v5': 'v5',
    'linux/arm/v4': 'v4',
    'linux/arm/7': 'v7 v6 v5',
    'linux/amd64': '-',
    'linux/amd64/v1': '-',
    'linux/amd64/v2': 'v2 -',
    'linux/amd64/v4': 'v4 v3 v2 -',
    'linux/amd64/odd': 'odd',
    'linux/arm64': '-',
    'linux/arm64/v8': '-',
    'linux/arm64/v8.0': '-',
    'linux/arm64/v8.2': 'v8.2 v8.1 -',
    'linux/arm64/v9': 'v9 v8.5 v8.4 v8.3 v8.2 v8.1 -',
    'linux/arm64/9.0': 'v9 v8.5 v8.4 v8.3 v8.2 v8.1 -',
    'linux/arm64/v9.1': 'v9.1 v9 v8.6 v8.5 v8.4 v8.3 v8.2 v8.1 -',
    'linux/arm64/v7': 'v7',
    'linux/riscv64': '-',
    'linux/riscv64/rva23': 'rva23',
  };
  for (const [text, variants] of Object.entries(cases)) {
    const found = runnableVariants(parsePlatform(text)).map((variant) => variant ?? '-');
    assert.equal(found.join(' '), variants, text);
  }
});

test('a Windows host runs images of its build, and from Server 2022 on those up to its build', () => {
  const [rs5, ws2022, win11, ws2025] = [
    '10.0.17763.1817',
    '10.0.20348.2000',
    '10.0.22621.1',
    '10.0.26100.1',
  ] as const;
  const cases: [host: string | undefined, image: string | undefined, runs: boolean][] = [
    [rs5, '10.0.17763.1', true],
    [rs5, ws2022, false],
    [ws2022, '10.0.20348.1', true],
    [ws2022, rs5, false],
    [ws2022, win11, false],
    [win11, ws2022, true],
    [ws2025, win11, true],
    [ws2025, rs5, false],
    ['10.1.26100', ws2025, false],
    ['10.0.26100', ws2025, true],
    [undefined, rs5, true],
    [rs5, undefined, true],
    [rs5, '', true],
    [rs5, 'nonsense', false],
    ['nonsense', rs5, true],
  ];
  for (const [host, image, runs] of cases) assert.equal(windowsRuns(host, image), runs, `${host} ${image}`);
});

const entriesOf = (...texts: string[]) => texts.map((text) => ({ text, platform: parsePlatform(text) }));
const bestOf = (entries: ReturnType<typeof entriesOf>, wanted: string) =>
  matchPlatforms(entries, parsePlatform(wanted)).map((entry) => entry.text);

test('the best entry comes first, another architecture never', () => {
  const entries = entriesOf(
    'linux/arm/v5',
    'linux/arm/v6',
    'linux/amd64',
    'linux/amd64/v3',
    'linux/386',
    'linux/arm64',
    'linux/arm64/v8.4',
    'linux/arm64/v9.2',
  );
  const cases: Record<string, string[]> = {
    'linux/arm/v7': ['linux/arm/v6', 'linux/arm/v5'],
    'linux/arm/v5': ['linux/arm/v5'],
    'linux/amd64': ['linux/amd64'],
    'linux/amd64/v2': ['linux/amd64'],
    'linux/amd64/v4': ['linux/amd64/v3', 'linux/amd64'],
    'linux/arm64': ['linux/arm64'],
    'linux/arm64/v8.3': ['linux/arm64'],
    'linux/arm64/v9': ['linux/arm64/v8.4', 'linux/arm64'],
    'linux/arm64/v9.2': ['linux/arm64/v9.2', 'linux/arm64/v8.4', 'linux/arm64'],
    'linux/s390x': [],
    'freebsd/amd64': [],
  };
  for (const [wanted, best] of Object.entries(cases)) assert.deepEqual(bestOf(entries, wanted), best, wanted);
});

test('of Windows’ images the newest that runs; without a version all, as they stand', () => {
  const entries = entriesOf(
    'windows(10.0.17763.6)/amd64',
    'windows(10.0.20348.9)/amd64',
    'windows(10.0.20348.10)/amd64',
    'windows(10.0.26100.1)/amd64',
    'linux/amd64',
  );
  const texts = entries.map(({ text }) => text);
  assert.deepEqual(bestOf(entries, 'windows(10.0.17763.1)/amd64'), texts.slice(0, 1));
  assert.deepEqual(bestOf(entries, 'windows(10.0.22621)/amd64'), [texts[2], texts[1]]);
  assert.deepEqual(bestOf(entries, 'windows(10.0.26100.1)/amd64'), [texts[3], texts[2], texts[1]]);
  assert.deepEqual(bestOf(entries, 'windows/amd64'), texts.slice(0, 4));
});
