import type { AuthClient, AuthClientOptions, AuthError, OAuthLoginData, RequestOptions } from "./index.js";

export interface MylibOptions extends AuthClientOptions {
  /** Columns that every user object has, null if empty. Default: the columns that the server's configuration declares. */
  columns?: string[];
}

/**
 * The calls of mylib's `client.auth` on a doorward server, for programs that were written for mylib. Each call resolves
 * as mylib documents it, with `{ error }` on failure, and never rejects.
 */
export function createClient(options?: MylibOptions): MylibClient;

export interface MylibClient {
  readonly auth: MylibAuth;
  /** All other methods: signing out, the session, `fetch`. */
  readonly core: AuthClient;
}

export type MylibProvider = "facebook" | "google" | "twitter" | "apple" | (string & {});

export interface MylibAuth {
  /**
   * Checks whether an address is taken. Needs `check_email` on the server; `verified` and the dates need
   * `disclosure.account = "compatible"`.
   */
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
  /**
   * Registers without signing in. If the server does not reveal whether the address was free, `data` has it without
   * dates and id.
   */
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
  /** Resolves with null when the browser is navigating; outside a browser, with the URL to open. */
  oauthRedirect(
    provider: MylibProvider,
    callback: string,
    options?: RequestOptions,
  ): Promise<null | { data: { url: string; provider: string; id: string }; error?: undefined } | Failed>;
  /** Google and Facebook only. Returns a promise, unlike mylib. */
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
  /**
   * Resolves with null: the server sends a mail. Reports an unknown address only with `disclosure.account =
   * "compatible"`.
   */
  forgotPassword(email: string, options?: RequestOptions): Promise<null | Failed>;
  resetPassword(token: string, password: string, options?: RequestOptions): Promise<MylibUserResult | Failed>;
}

export interface MylibUser {
  id: string;
  email?: string;
  roles: string[];
  /** After `register` with a provider, only that provider's id; otherwise null for each provider. */
  social_ids: Record<string, string | null>;
  verified: boolean;
  fcm_tokens: string[];
  /** RFC 3339, with milliseconds. */
  created_at: string;
  updated_at: string;
  /**
   * The address as one text. Its parts are on the top level: `street_address`, `locality`, `region`, `postal_code`,
   * `country`.
   */
  address?: string | null;
  [column: string]: unknown;
}

export interface MylibUserResult {
  data: MylibUser;
  message: string;
  error?: undefined;
}

/** Accepts the results of `URLSearchParams.get`: `null` counts as a missing property. */
export type MylibOAuthData = OAuthLoginData extends infer T ? (T extends unknown ? { [Name in keyof T]: T[Name] | null } : never) : never;

export type MylibLoginResult = MylibLoginExisting | MylibLoginOAuth;

/** The identity has an account, whose user is signed in. */
export interface MylibLoginExisting {
  type: "LoginExisting";
  data: { provider: string; email?: string; verified: boolean; id: string };
  message: string;
  error?: undefined;
}

/** The identity has no account: `register` accepts its `oauthKey`. `id` is the provider's. */
export interface MylibLoginOAuth {
  type: "LoginOAuth";
  data: { oauthKey: string; provider: string; email?: string; name?: string; id: string };
  message: string;
  error?: undefined;
}

/** The identity is now linked to the signed-in account. */
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
  /** Time of the error in milliseconds since 1970. */
  id: string;
  /** 400, 403, 404; 429 and above as the server returned it; 0 without a response. */
  status: string;
  code: "BADREQ" | "FORBDN" | "NOTFND" | "JWTERR";
  title: string;
  /** The AuthError with its own code. Not enumerable. */
  readonly cause: AuthError;
}
