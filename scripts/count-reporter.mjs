// A reporter of `node --test` that writes one JSON object: how many tests passed, failed and were skipped.

export default async function* count(source) {
  let skippedSuites = 0;
  for await (const event of source) {
    // A suite that is skipped as a whole hides its tests from the counts.
    if (event.type === 'test:pass' && event.data.details.type === 'suite' && event.data.skip !== undefined)
      skippedSuites++;
    // A summary with a file is about that file alone; the one without is about the whole run.
    if (event.type !== 'test:summary' || event.data.file !== undefined) continue;
    const { passed, failed, cancelled, skipped, todo } = event.data.counts;
    yield JSON.stringify({ passed, failed: failed + cancelled, skipped: skipped + skippedSuites + todo });
  }
}
