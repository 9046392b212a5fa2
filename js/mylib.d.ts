import type { AuthClient, AuthClientOptions, AuthError, OAuthLoginData, RequestOptions } from "./index.js";

export interface MylibOptions extends AuthClientOptions {
  /** Columns that a user always has, null where nothing is in them. Default: those that the server's configuration declares. */
  columns?: string[];
}

/**
 * The calls of mylib's `client.auth` on a doorward server, for programs that were written for them. Each resolves as its
 * documentation says, with `{ error }` where something went wrong, and never rejects.
 */
export function createClient(options?: MylibOptions): MylibClient;

export interface MylibClient {
  readonly auth: MylibAuth;
  /** Everything else: signing out, the session, `fetch`. */
  readonly core: AuthClient;
}

export type MylibProvider = "facebook" | "google" | "twitter" | "apple" | (string & {});

export interface MylibAuth {
  /** Is this address taken? Needs `check_email` on the server; `verified` and the dates need `disclosure.account = "compatible"`. */
  checkEmail(
    email: string,
    options?: RequestOptions,
  ): Promise<
    | {
        data: { email: string; registered: boolean; verified?: boolean; created_at?: string; updated_at?: string; id: string };
        message: "Email available" | "Email already in use";
        error?: undefined;
      }
    | Failed
  >;
  /** Registers, and signs nobody in. Where the server does not tell whether the address was free, `data` has it and no dates or id. */
  register(
    provider: "local",
    data: { email: string; password: string; extras?: Record<string, unknown> },
    options?: RequestOptions,
  ): Promise<MylibUserResult | Failed>;
  register(
    provider: MylibProvider,
    data: { oauthKey: string; email?: string; password?: string; extras?: Record<string, unknown> },
    options?: RequestOptions,
  ): Promise<MylibUserResult | Failed>;
  resendVerification(
    email: string,
    options?: RequestOptions,
  ): Promise<{ email: string; message: string; data?: undefined; error?: undefined } | Failed>;
  /** Null when the browser is on its way; elsewhere the address to go to. */
  oauthRedirect(
    provider: MylibProvider,
    callback: string,
    options?: RequestOptions,
  ): Promise<null | { data: { url: string; provider: string; id: string }; error?: undefined } | Failed>;
  /** Google and Facebook. A promise here, too. */
  redoOAuth(
    provider: MylibProvider,
    options?: RequestOptions,
  ): Promise<null | { reloginUrl: string; provider: string; error?: undefined } | Failed>;
  login(
    provider: "local",
    data: { email: string; password: string },
    intent?: "register",
    options?: RequestOptions,
  ): Promise<MylibLoginExisting | Failed>;
  login(provider: MylibProvider, data: MylibOAuthData, intent?: "register", options?: RequestOptions): Promise<MylibLoginResult | Failed>;
  login(provider: MylibProvider, data: MylibOAuthData, intent: "link", options?: RequestOptions): Promise<MylibLinkResult | Failed>;
  login(
    provider: MylibProvider,
    data: MylibOAuthData,
    intent: "register" | "link",
    options?: RequestOptions,
  ): Promise<MylibLoginResult | MylibLinkResult | Failed>;
  /** Null: a mail is on its way. Tells of an unknown address only with `disclosure.account = "compatible"`. */
  forgotPassword(email: string, options?: RequestOptions): Promise<null | Failed>;
  resetPassword(token: string, password: string, options?: RequestOptions): Promise<MylibUserResult | Failed>;
}

export interface MylibUser {
  id: string;
  email?: string;
  roles: string[];
  /** After `register` with a provider that one alone; else null where the call knows of none. */
  social_ids: Record<string, string | null>;
  verified: boolean;
  fcm_tokens: string[];
  /** RFC 3339, with milliseconds. */
  created_at: string;
  updated_at: string;
  /** The address as one text. Its parts stand beside it: `street_address`, `locality`, `region`, `postal_code`, `country`. */
  address?: string | null;
  [column: string]: unknown;
}

export interface MylibUserResult {
  data: MylibUser;
  message: string;
  error?: undefined;
}

/** As `URLSearchParams.get` gives it: `null`, like what is absent, is a missing property. */
export type MylibOAuthData = OAuthLoginData extends infer T ? (T extends unknown ? { [Name in keyof T]: T[Name] | null } : never) : never;

export type MylibLoginResult = MylibLoginExisting | MylibLoginOAuth;

/** The account is known: its user is signed in. */
export interface MylibLoginExisting {
  type: "LoginExisting";
  data: { provider: string; email?: string; verified: boolean; id: string };
  message: string;
  error?: undefined;
}

/** The provider's account is unknown: `register` takes it with the `oauthKey`. Its `id` is the provider's. */
export interface MylibLoginOAuth {
  type: "LoginOAuth";
  data: { oauthKey: string; provider: string; email?: string; name?: string; id: string };
  message: string;
  error?: undefined;
}

/** The provider's account belongs to the signed-in user now. */
export interface MylibLinkResult {
  type: "LoginLinked";
  data: { provider: string; email?: string; verified: boolean; id: string };
  message: string;
  error?: undefined;
}

export interface Failed {
  data?: undefined;
  type?: undefined;
  message?: undefined;
  error: MylibError | { name: "ForbiddenError"; message: "Social account already in use"; readonly cause: AuthError };
}

export interface MylibError {
  /** When it happened, milliseconds since 1970. */
  id: string;
  /** 400, 403, 404; 429 and beyond as the server said; 0 where no answer came. */
  status: string;
  code: "BADREQ" | "FORBDN" | "NOTFND" | "JWTERR";
  title: string;
  /** What it is for the AuthClient, with its own code. Not enumerable. */
  readonly cause: AuthError;
}
