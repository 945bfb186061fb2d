import type { ImageFacts } from './image-facts.ts';

/** What came out of a build. */
export interface Outcome {
  /** `Rule:line: message`, BuildKit's rules only, sorted. */
  readonly warnings?: readonly string[];
  /** One for each platform. */
  readonly images?: readonly ImageFacts[];
  /** What `--call` prints as JSON, in a case with `call:`. */
  readonly answer?: unknown;
  /** `line: message`, or the message alone where it names no line. */
  readonly error?: string;
}

/** A recorded case: what the peer gave, and where ours differs in words, or on purpose, ours beside it. */
export interface Recorded {
  readonly peer: Outcome;
  readonly ours?: Outcome;
}

export interface RecordedGroup {
  /** The peer and its version. */
  readonly peer: string;
  readonly cases: Readonly<Record<string, Recorded>>;
}

/** The line that an excerpt begins with: `Dockerfile:3`. */
export function lineOfExcerpt(text: string): string {
  return /^(?:Dockerfile|[^\s:]*[Dd]ockerfile[^\s:]*):(\d+)$/m.exec(text)?.[1] ?? '';
}

/** The same of images: histories have addresses in them. */
export function steadyImages(images: readonly ImageFacts[], address: string): ImageFacts[] {
  return JSON.parse(JSON.stringify(images).replaceAll(address, '{{http}}')) as ImageFacts[];
}

/** Without what differs from run to run: ports, random names, digests of what times go into. */
export function steady(text: string, address: string): string {
  return text
    .replaceAll(address, '{{http}}')
    .replace(/\b[a-z0-9]{25}::[a-z0-9]{25}\b/g, '<ref>')
    .replace(/polyarch-golden-[A-Za-z0-9]+/g, '<directory>');
}
