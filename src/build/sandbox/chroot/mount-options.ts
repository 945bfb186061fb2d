/** mount(2)'s flags, by mount(8)'s names. */
const flags: Readonly<Record<string, number>> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  strictatime: 0x1000000,
};

/** What mount(2) takes: known options as flags, the others as they are. */
export function mountOptions(options: readonly string[]): { readonly flags: number; readonly data: string } {
  const known = options.filter((option) => Object.hasOwn(flags, option));
  return {
    flags: known.reduce((all, option) => all | (flags[option] ?? 0), 0),
    data: options.filter((option) => !known.includes(option)).join(','),
  };
}
