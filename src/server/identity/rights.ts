/** What a request may do to what a team owns; `own` makes and unmakes its owners. */
export const RIGHTS = ['read', 'ingest', 'manage', 'own'] as const;
export type Right = (typeof RIGHTS)[number];

export const ROLES = ['owner', 'admin', 'member', 'read-only'] as const;
export type Role = (typeof ROLES)[number];

/** The one declaration of what a role may do. */
export const RIGHTS_OF: Readonly<Record<Role, readonly Right[]>> = {
  owner: ['read', 'ingest', 'manage', 'own'],
  admin: ['read', 'ingest', 'manage'],
  member: ['read', 'ingest'],
  'read-only': ['read'],
};
