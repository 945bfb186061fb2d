import { contentFromFile } from '../../content/content.ts';
import { canAdopt } from '../../content/store.ts';
import { algorithmOf, type Digest, isDigest } from '../../lib/digest.ts';
import { blobMediaType } from './blob-handlers.ts';
import type { RegistryRequest, RegistryResponse } from './message.ts';
import { checkedDigest, isRepositoryName } from './names.ts';
import { RegistryError } from './registry-error.ts';
import type { Repositories } from './repositories.ts';
import type { UploadSession, UploadSessions } from './upload-sessions.ts';

/** Pushing blobs (distribution-spec, "Pushing blobs"): POST, PATCH, PUT, GET and DELETE of uploads, and mounts. */
export interface UploadPlace {
  readonly repositories: Repositories;
  readonly uploads: UploadSessions;
  readonly name: string;
}

/** POST /v2/<name>/blobs/uploads/[?digest=…|?mount=…&from=…] */
export async function startUpload(place: UploadPlace, request: RegistryRequest): Promise<RegistryResponse> {
  const { query } = request;
  const mount = query.get('mount');
  const from = query.get('from');
  if (mount !== null && isDigest(mount) && from !== null && isRepositoryName(from)) {
    if (await place.repositories.mount(mount, from, place.name)) return created(place.name, mount);
  }
  const digest = query.get('digest');
  const session = place.uploads.begin(place.name);
  if (digest === null) return accepted(place.name, session);
  try {
    checkedDigest(digest);
    return await session.exclusively(request.body, async () => await finish(place, session, digest, request));
  } catch (error) {
    // The client was never told of this upload: nobody can resume it.
    await session.end();
    throw error;
  }
}

/** PATCH /v2/<name>/blobs/uploads/<id>: a chunk where `Content-Range` says so, else a stream of any length. */
export async function appendUpload(
  place: UploadPlace,
  id: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const session = await place.uploads.find(place.name, id);
  return await session.exclusively(request.body, async () => {
    const check = chunkCheck(place.name, session, request);
    await session.append(request.body, check);
    return accepted(place.name, session);
  });
}

/** PUT /v2/<name>/blobs/uploads/<id>?digest=…, with or without the last bytes */
export async function finishUpload(
  place: UploadPlace,
  id: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const digest = checkedDigest(request.query.get('digest'));
  const session = await place.uploads.find(place.name, id);
  return await session.exclusively(request.body, async () => await finish(place, session, digest, request));
}

/** GET /v2/<name>/blobs/uploads/<id>: how much has come */
export async function uploadStatus(place: UploadPlace, id: string): Promise<RegistryResponse> {
  const session = await place.uploads.find(place.name, id);
  return { ...accepted(place.name, session), status: 204 };
}

/** DELETE /v2/<name>/blobs/uploads/<id> */
export async function cancelUpload(
  place: UploadPlace,
  id: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const session = await place.uploads.find(place.name, id);
  await session.exclusively(request.body, async () => await session.end());
  return { status: 204, headers: {} };
}

async function finish(
  place: UploadPlace,
  session: UploadSession,
  text: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const digest = checkedDigest(text);
  const check = chunkCheck(place.name, session, request);
  // A body that breaks leaves the upload as it stands, to be asked about and resumed.
  await session.append(request.body, check);
  try {
    const found = await session.digest(algorithmOf(digest));
    if (found !== digest)
      throw new RegistryError('DIGEST_INVALID', `what was uploaded has the digest ${found}`);
    const store = place.repositories.open(place.name);
    const descriptor = { mediaType: blobMediaType, digest, size: session.bytes };
    if (!(await store.exists(descriptor))) {
      if (canAdopt(store)) await store.adopt(session.path, descriptor, { verified: true });
      else await store.push(descriptor, contentFromFile(session.path));
    }
  } finally {
    await session.end();
  }
  return created(place.name, digest);
}

/** 416 for a chunk that does not begin where the upload stands; SIZE_INVALID for one that is not as long as it says. */
function chunkCheck(
  name: string,
  session: UploadSession,
  request: RegistryRequest,
): ((bytes: number) => void) | undefined {
  const header = request.headers['content-range'];
  if (header === undefined) return undefined;
  const parts = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(header.trim());
  const misplaced = (message: string) =>
    new RegistryError('BLOB_UPLOAD_INVALID', message, {
      status: 416,
      headers: accepted(name, session).headers,
    });
  if (!parts) throw new RegistryError('BLOB_UPLOAD_INVALID', 'Content-Range is not <first>-<last>');
  const [first, last] = [Number(parts[1]), Number(parts[2])];
  if (first !== session.bytes || last < first) throw misplaced(`the upload stands at ${session.bytes}`);
  const length = request.headers['content-length'];
  if (length !== undefined && Number(length) !== last - first + 1) {
    throw new RegistryError('SIZE_INVALID', 'Content-Range and Content-Length differ');
  }
  return (bytes) => {
    if (bytes > last + 1) throw new RegistryError('SIZE_INVALID', 'more bytes than Content-Range says');
  };
}

/** `Range` is inclusive: `0-0` stands for no byte and for one (a quirk of the specification's first server). */
function accepted(name: string, session: UploadSession): RegistryResponse {
  return {
    status: 202,
    headers: {
      location: `/v2/${name}/blobs/uploads/${session.id}`,
      range: `0-${Math.max(session.bytes - 1, 0)}`,
      'docker-upload-uuid': session.id,
      'content-length': 0,
    },
  };
}

function created(name: string, digest: Digest): RegistryResponse {
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/blobs/${digest}`,
      'docker-content-digest': digest,
      'content-length': 0,
    },
  };
}
