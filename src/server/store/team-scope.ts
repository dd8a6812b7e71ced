declare const AUTHENTICATED: unique symbol;

/**
 * A team's id that somebody was found to speak for. Every statement about what teams own takes one, and nothing but
 * `auth.ts` makes them: a text of a request can never become a team.
 */
export type TeamScope = string & { readonly [AUTHENTICATED]: true };
