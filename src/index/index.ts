/** `polyarch/index`: puts indexes together and changes them. Plans are data; publishing brings children first and moves names last. */
export type { IndexAnnotation } from './annotation.ts';
export { annotate, parseAnnotation } from './annotation.ts';
export type { EntryChange, EntryName } from './change-index.ts';
export { annotateEntry, appendEntries, parseEntryName, removeEntries } from './change-index.ts';
export type { IndexDraft } from './index-draft.ts';
export { draftOf, renderIndex } from './index-draft.ts';
export type { ChosenSource, IndexPlan, IndexType, PlanCreateOptions, PlannedChild } from './plan-create.ts';
export { planCreate } from './plan-create.ts';
export type { Expected, IndexTarget, PublishOptions } from './publish-index.ts';
export { publishIndex } from './publish-index.ts';
export type { IndexSource } from './read-source.ts';
export { readSource } from './read-source.ts';
export type { Requirements } from './requirements.ts';
export { checkRequirements, missingPlatforms } from './requirements.ts';
export type { IndexChange, NamedIndex, UpdatedIndex, UpdateOptions } from './update-index.ts';
export { updateIndex } from './update-index.ts';
