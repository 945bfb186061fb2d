import { planImages } from '../src/build/frontend/plan-images.ts';
import { parsePlatform } from '../src/oci/platform.ts';
import { largeDockerfile } from './large-dockerfile.ts';

/** Prints how long the first and a later planning in this process took, in milliseconds: everything is loaded before. */
const text = largeDockerfile();
const platform = parsePlatform('linux/amd64');
const times: number[] = [];
for (let round = 0; round < 6; round++) {
  const started = performance.now();
  const { images } = await planImages(
    {
      dockerfile: text,
      filename: 'Dockerfile',
      platforms: [platform],
      buildPlatform: platform,
      buildArgs: {},
    },
    { resolveBase: () => Promise.reject(new Error('it has no base')) },
  );
  times.push(performance.now() - started);
  if (images[0]?.history.length === 0) throw new Error('nothing was planned');
}
process.stdout.write(JSON.stringify({ first: times[0], later: times.at(-1) }));
