import { randomUUID } from 'node:crypto';
import { contentFromBytes } from '../../content/content.ts';
import type { IoOptions } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { discard } from './http.ts';
import { putManifest, resolveManifest } from './manifest-requests.ts';
import { errorOf } from './registry-failure.ts';
import type { RepositorySession } from './repository-session.ts';

/**
 * Removes a tag and leaves what it points at. Distribution before 3.0 deletes by digest only and takes the digest's tags along: there the tag is
 * first moved to a manifest of no use. UNSUPPORTED where nothing can be deleted.
 */
export async function untag(session: RepositorySession, tag: string, options: IoOptions): Promise<void> {
  const { signal } = options;
  const response = await session.call({
    method: 'DELETE',
    at: `manifests/${tag}`,
    actions: ['delete'],
    signal,
  });
  if (response.status >= 200 && response.status <= 299) {
    discard(response);
    return;
  }
  if (response.status !== 400 && response.status !== 405) {
    throw await session.fail(response, 'untag', `:${tag}`, 'no such tag');
  }
  const { code } = await errorOf(response);
  if (code !== 'DIGEST_INVALID' && code !== 'UNSUPPORTED') {
    throw failure('UNSUPPORTED', 'untag', `${session.name}:${tag}`, 'the registry deletes no tags');
  }
  await moveAndDelete(session, tag, options);
}

async function moveAndDelete(session: RepositorySession, tag: string, options: IoOptions): Promise<void> {
  await resolveManifest(session, tag, options);
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
  const { uploadBlob } = await import('./uploads/blob-upload.ts');
  await uploadBlob(session, config, contentFromBytes('{}'), options);
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/vnd.polyarch.untagged',
      config,
      layers: [config],
      annotations: { unique: randomUUID() },
    }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  const remove = async (): Promise<void> => {
    await session.delete(`manifests/${descriptor.digest}`, `:${tag}`, options);
  };
  // Tried without the tag first: a registry that deletes nothing would keep the tag where it was moved to.
  await putManifest(session, descriptor, bytes, descriptor.digest, options);
  try {
    await remove();
  } catch (error) {
    if (!isFailure(error, 'UNSUPPORTED', 'REGISTRY')) throw error;
    throw failure('UNSUPPORTED', 'untag', `${session.name}:${tag}`, 'the registry deletes nothing', {
      cause: error,
    });
  }
  await putManifest(session, descriptor, bytes, tag, options);
  await remove();
}
