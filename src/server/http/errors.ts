/** What a refusal is counted under beside its code; the answer says nothing of it. */
export interface RefusedItem {
  readonly projectId?: string | null;
  /** The first rule of the schema that was broken. */
  readonly rule?: string | undefined;
}

/** A refusal of a whole request: a status, a stable code for programs and a text for people. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;
  /** Further members of the answer's body. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly about: RefusedItem;

  constructor(
    status: number,
    code: string,
    message: string,
    more: {
      readonly members?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
      readonly about?: RefusedItem;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
    this.about = more.about ?? {};
  }
}
