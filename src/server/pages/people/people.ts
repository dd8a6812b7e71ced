import type { Handler } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { auditPage, exportAudit } from './audit.ts';
import { changeMembers, membersPage } from './members.ts';
import { changeTokens, tokensPage } from './tokens.ts';

type PeopleRoute =
  | 'membersPage'
  | 'changeMembers'
  | 'tokensPage'
  | 'changeTokens'
  | 'auditPage'
  | 'exportAudit';

/** Who is in a team, what lets programs and browsers in, and what was done. */
export function peopleHandlers(identity: Identity): Readonly<Record<PeopleRoute, Handler>> {
  return {
    membersPage: (c) => membersPage(identity, c),
    changeMembers: (c) => changeMembers(identity, c),
    tokensPage: (c) => tokensPage(identity, c),
    changeTokens: (c) => changeTokens(identity, c),
    auditPage: (c) => auditPage(identity, c),
    exportAudit: (c) => exportAudit(identity, c),
  };
}
