/** `polyarch/content/layout`: an OCI image layout on disk as a store. */
export { LayoutStore } from './layout-store.ts';
