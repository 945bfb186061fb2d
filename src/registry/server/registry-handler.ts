import type { Readable } from 'node:stream';
import { isFailure } from '../../lib/errors.ts';
import { deleteBlob, getBlob } from './blob-handlers.ts';
import { listReferrers, listRepositories, listTags } from './list-handlers.ts';
import { deleteManifest, getManifest, putManifest } from './manifest-handlers.ts';
import type { Handler, RegistryRequest, RegistryResponse } from './message.ts';
import { checkedName } from './names.ts';
import { jsonResponse, RegistryError } from './registry-error.ts';
import type { Repositories } from './repositories.ts';
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from './upload-handlers.ts';
import type { UploadSessions } from './upload-sessions.ts';

export interface HandlerOptions {
  /** Told of what is a defect or a broken disk, after the client got a 500 without details. */
  onError?: ((error: unknown) => void) | undefined;
}

/** OCI distribution-spec 1.1 over repositories. Whoever needs authorisation wraps the handler. */
export function registryHandler(
  repositories: Repositories,
  uploads: UploadSessions,
  options: HandlerOptions = {},
): Handler {
  return async (request) => {
    try {
      return await route(repositories, uploads, request);
    } catch (error) {
      if (error instanceof RegistryError) return error.toResponse();
      if (request.signal.aborted || isCut(request.body)) throw error;
      if (isFailure(error, 'NOT_FOUND'))
        return new RegistryError('BLOB_UNKNOWN', 'it is not here any more').toResponse();
      options.onError?.(error);
      return new RegistryError('UNKNOWN', 'the registry failed; its log says why').toResponse();
    }
  };
}

function isCut(body: Readable): boolean {
  return body.destroyed && !body.readableEnded;
}

// Names hold slashes, so the last fixed word splits a path; greedy, so that a repository may be called `a/tags`.
const uploadPath = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/;
const itemPath = /^\/v2\/(.+)\/(blobs|manifests|referrers)\/([^/]+)$/;
const tagsPath = /^\/v2\/(.+)\/tags\/list$/;

async function route(
  repositories: Repositories,
  uploads: UploadSessions,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const { path, method } = request;
  const reads = method === 'GET' || method === 'HEAD';
  if (path === '/v2/' || path === '/v2') return reads ? jsonResponse({}) : refuse();
  if (path === '/v2/_catalog') return reads ? await listRepositories(repositories, request) : refuse();
  const upload = uploadPath.exec(path) ?? /^\/v2\/(.+)\/blobs\/uploads$/.exec(path);
  if (upload) {
    const place = { repositories, uploads, name: checkedName(upload[1] ?? '') };
    const id = upload[2] ?? '';
    if (id === '') return method === 'POST' ? await startUpload(place, request) : refuse();
    if (method === 'PATCH') return await appendUpload(place, id, request);
    if (method === 'PUT') return await finishUpload(place, id, request);
    if (method === 'GET') return await uploadStatus(place, id);
    if (method === 'DELETE') return await cancelUpload(place, id, request);
    return refuse();
  }
  const tags = tagsPath.exec(path);
  if (tags) return reads ? await listTags(repositories, checkedName(tags[1] ?? ''), request) : refuse();
  const item = itemPath.exec(path);
  if (item) {
    const [, rawName = '', kind, reference = ''] = item;
    const name = checkedName(rawName);
    if (kind === 'blobs') {
      if (reads) return await getBlob(repositories, name, reference, request);
      if (method === 'DELETE') return await deleteBlob(repositories, name, reference, request);
    } else if (kind === 'manifests') {
      if (reads) return await getManifest(repositories, name, reference, request);
      if (method === 'PUT') return await putManifest(repositories, name, reference, request);
      if (method === 'DELETE') return await deleteManifest(repositories, name, reference, request);
    } else if (reads) return await listReferrers(repositories, name, reference, request);
    return refuse();
  }
  throw new RegistryError('UNSUPPORTED', 'no such endpoint', { status: 404 });
}

function refuse(): never {
  throw new RegistryError('UNSUPPORTED', 'this method is not for this endpoint');
}
