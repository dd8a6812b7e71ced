// The types of highlight.js ask for those of a browser, which would take the place of Node's own: `Request`, `fetch`. They
// get this instead (`libReplacement` in tsconfig.json).
export type Dom = never;
