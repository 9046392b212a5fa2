/**
 * What every method with `Input<T>` takes: the submit event of a form whose controls are named like T's fields,
 * a React synthetic event around one, a form element, a FormData, or T itself.
 *
 * Given an event or a form:
 *  - `preventDefault()` happens synchronously in the call, also when the page submits with `form.requestSubmit()`;
 *  - the fields are read in the call (the submitter's name and value included), so that later edits change nothing;
 *  - only names that the method knows are taken, those of its options among them; a form may have any other control;
 *  - a checkbox is a boolean, an empty optional control is absent, a disabled one is ignored, `address.locality` nests,
 *    and so do the operator's own fields: `extras.coins`;
 *  - a field may be named in snake_case or camelCase; given in both it is `INVALID_PARAMETER`;
 *  - a second submit of the same form while the first is pending joins the first: one request, the same promise;
 *  - an error is shown on the form (`setCustomValidity` + `reportValidity`) until something changes: on the control of its field, wrong
 *    credentials on the password, any other on the button that was pressed. Before that the form, or the target of another event, gets
 *    the bubbling event `doorward:error` with the `AuthError` as its `detail`: `preventDefault()` on it leaves the showing to the page;
 *  - a form that was submitted has `aria-busy="true"` while the call is under way;
 *  - the promise of a call that was given an event rejects, but causes no `unhandledrejection` where the error is shown or the page has
 *    taken it by `preventDefault()`;
 *  - on success the browser goes to the submitter's `formaction` or the form's `action`, if the attribute is there,
 *    after the promise has resolved and its handlers have run (http(s) only; see `navigate`).
 *
 * An object is strict: a name that the method does not know is `INVALID_PARAMETER`. Only `signup` and `updateProfile` send
 * on such names, for the operator may have declared them; the server says if not.
 * Methods are bound: `form.addEventListener("submit", auth.login)` works.
 */
export type Input<T> = SubmitEvent | { nativeEvent: Event } | HTMLFormElement | FormData | T;

export interface AuthClientOptions {
  /** Base URL of the server, e.g. `https://auth.example.com`. Default: the page's own origin. */
  url?: string | URL;
  /**
   * Where tokens live. Default `"local"`; falls back to the page's memory, with a `WARNING` event, when the browser
   * blocks it. `"memory"` is this client's alone.
   */
  storage?: "local" | "session" | "memory" | AuthStorage;
  /**
   * Prefix of the storage keys; two clients with different prefixes do not see each other. Default: `"doorward"`, and for a server
   * elsewhere than the page `"doorward."` with its address, so that two projects on one origin have sessions of their own. With a
   * `storage` of your own it is always `"doorward"`.
   */
  storageKey?: string;
  /**
   * Bind tokens to a key of this browser that no script can read (RFC 9449), so that a copied localStorage is useless
   * elsewhere. Needs https or localhost, else every call rejects with `INSECURE_CONTEXT`. Default true; `false` gives
   * Bearer tokens, and `Session.refresh_token` is there for the page to read.
   */
  dpop?: boolean;
  /** Refresh the access token ahead of its expiry while the page is visible. Default true. */
  autoRefresh?: boolean;
  /** Milliseconds before a request is given up, for each try. Default 10000. */
  timeout?: number;
  /**
   * Language of the messages of errors, and of mails: a BCP 47 tag. There are messages in English, German (`de`), Indonesian (`id`) and
   * Chinese (`zh`); any other language gets English ones. Default: the document's or navigator's.
   */
  locale?: string;
  /**
   * Other APIs that take our access tokens: `fetch` and `authHeaders` serve these origins and `url`, no other. `audience`
   * has no effect yet: all tokens have the server's one (its setting `token.audience`).
   */
  apis?: { origin: string; audience?: string }[];
  /** What to do after a form succeeded: follow its action (default), nothing, or your router. */
  navigate?: boolean | ((url: URL) => void);
  /** A fetch of your own (tests, proxies). It is called with one argument, a `Request`. */
  fetch?: typeof fetch;
}

/** Any key-value store, synchronous or not. */
export interface AuthStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

/** Every method that makes a request takes this as, or within, its last argument. */
export interface RequestOptions {
  /** Ends the call, which then rejects with `ABORTED`. */
  signal?: AbortSignal;
  /** Milliseconds before a request of this call is given up, for each try. */
  timeout?: number;
  /**
   * The answer to a captcha that a person solves, after `CAPTCHA_REQUIRED`: what they read in the picture, with its id; or the
   * token of a service's widget, without one. May also be controls of the form. A proof of work is solved by itself.
   */
  captcha_id?: string;
  captcha_code?: string;
}

/** What shows, beside a mail, that an account is one's own: one of both, where `PASSWORD_REQUIRED` asks for it. */
export interface VerifyOptions {
  /** The password of the account. */
  password?: string;
  /** A new password, if another person made the account: ends all that was set up in it before. */
  new_password?: string;
}

declare global {
  interface GlobalEventHandlersEventMap {
    /** The error of a call that was given an event or a form. See `Input`. */
    "doorward:error": CustomEvent<AuthError>;
  }
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

/**
 * Ready to use as soon as it is constructed: no init call, no await. Importing and constructing have no side effect on a
 * server. Two clients with one `storageKey` share one session; calls may overlap freely; after any error the client goes
 * on working. Every rejection is an `AuthError`.
 */
export class AuthClient {
  /** Never throws: what is wrong with the options or the environment is told by the first call. */
  constructor(options?: AuthClientOptions);

  /** The signed-in user as last seen, without waiting; null when signed out or not yet read from an asynchronous storage. */
  readonly user: UserProfile | null;
  /** Where the session is really kept: `"memory"` when the browser refused the storage that was asked for. */
  readonly persistence: "local" | "session" | "memory" | "custom";

  /**
   * Creates an account by e-mail address or username with a password, or by phone number or e-mail address with a code
   * (`sendSmsCode`, `sendEmail`). Resolves with the profile when `login` or `generate_token` signed the user in, else with
   * one of two texts. Rejects with `EXISTS` when the name is taken, with `INVALID_CODE` or `EXPIRED_CODE` for the code.
   */
  signup(params: Input<SignupParams>, options?: SignupOptions): Promise<UserProfile | SignupMessage>;
  /**
   * Creates an account by e-mail address and password like `signup`, in the words of `register` with a provider. Signs nobody
   * in. Where the server does not tell whether the address was free, `data` has only that address.
   */
  register(
    provider: "local",
    data: Input<{ email: string; password: string; extras?: Partial<ProfileFields> } & ProfileFields>,
    options?: RegisterOptions,
  ): Promise<ProviderResult<UserProfile | { email: string; email_verified: false }>>;
  /**
   * Creates an account for whom `login` knew nobody, with the `oauthKey` that it gave, in the same browser. Without `email` the
   * account gets the address that the provider vouches for, if there is one. Signs nobody in: call `redoOAuth` then,
   * or `oauthRedirect`. Rejects with `EXISTS` when the address is taken: sign in, then link.
   */
  register(
    provider: OAuthProvider,
    data: Input<{ oauthKey: string; email?: string; password?: string; extras?: Partial<ProfileFields> } & ProfileFields>,
    options?: RegisterOptions,
  ): Promise<ProviderResult>;
  /**
   * Signs in: with a password, a code, the id of a device or one that another system gave; the fields say which. Rejects
   * with `INCORRECT_USERNAME_OR_PASSWORD`, `INVALID_CODE`, `EXPIRED_CODE`, `CAPTCHA_REQUIRED`; after a right password or
   * code with `SIGNUP_CONFIRMATION_NEEDED` or `USER_IS_DISABLED`; with `FORBIDDEN` where this way is not open.
   */
  login(params: Input<LoginParams>, options?: LoginOptions): Promise<UserProfile>;
  /** The same with a password, in the words of `login` with a provider. */
  login(
    provider: "local",
    data: Input<{ email: string; password: string }>,
    intent?: "register",
    options?: LoginOptions,
  ): Promise<LoginExisting>;
  /**
   * Ends what `oauthRedirect` began, with what came back from the provider, or with a token that the app has from it. Resolves
   * with `LoginExisting` when that signed somebody in, or with `LoginOAuth` and an `oauthKey`, which `register` takes within ten
   * minutes. The intent `"link"` links the provider's account to the signed-in one (`LoginLinked`), who must have
   * called `oauthRedirect`, too; it needs a sign-in of the last minutes (`REAUTH_REQUIRED`). Whoever was a `LoginOAuth` and has
   * then signed in to an account in the same tab links with `{ oauthKey }`.
   *
   * Rejects with `OAUTH_DENIED` where the person or the provider said no, `OAUTH_STATE_MISMATCH` where this browser
   * began no such flow or its key is gone, `OAUTH_REUSED`, `SOCIAL_ACCOUNT_IN_USE`, and `NOT_FOUND` for a provider that is not set up.
   * The same call once more, by a reload or React's strict mode, gets the same answer. Nothing is read from the page's
   * address: give it as `callback`, and take it out of the address bar yourself. An address without an answer in it joins
   * the call that is under way for the same provider and page, unless one of them has a `signal`.
   */
  login(provider: OAuthProvider, data: Input<OAuthLoginData>, intent?: "register" | "link", options?: LoginOptions): Promise<LoginResult>;
  login(provider: OAuthProvider, data: Input<OAuthLoginData>, options?: LoginOptions): Promise<LoginResult>;
  /**
   * Signs out: in all tabs at once, then at the server; offline the server is told when it can be reached again.
   * `scope` says what ends: this session (`"local"`, the default), all sessions of the account (`"global"`), or all but
   * this one (`"others"`). For the latter two the server must be reached: offline they reject with `NETWORK`, and
   * `"global"` has ended this session nevertheless. Rejects where the server refuses, as a hook can (`HOOK_REJECTED`): then the server's
   * session lives on, and the local one ends anyway.
   */
  logout(
    event?: Event | { nativeEvent: Event } | HTMLFormElement | { scope?: "local" | "others" | "global" },
    options?: RequestOptions,
  ): Promise<"SUCCESS: The user has been logged out.">;

  /** The signed-in user as the server knows it now, or null when signed out. `refreshToken: true` refreshes first. */
  getProfile(options?: RequestOptions & { refreshToken?: boolean }): Promise<UserProfile | null>;
  /** The session kept in this browser, without a request; null when signed out. */
  getSession(): Promise<Session | null>;
  /** An access token with at least 30 s to live, refreshed if need be; null when signed out. */
  getAccessToken(options?: RequestOptions): Promise<string | null>;
  /** Refreshes now. One request however many calls ask at once. Rejects with `SESSION_REQUIRED` when signed out. */
  refreshToken(options?: RequestOptions): Promise<Session>;
  /**
   * Takes up a session from a refresh token that was kept elsewhere, by one refresh. Rejects with `TOKEN_BOUND` where the
   * token is bound to a key that this browser does not have, with `TOKEN_REVOKED` where it is over.
   */
  restoreToken(token: string, options?: RequestOptions): Promise<UserProfile>;
  /**
   * Is this access token (default: the current one, refreshed if need be) valid, and whose is it? `status` says so; the
   * call rejects only where the server does not answer. A token that is bound to another browser's key is not valid here.
   */
  checkLoginStatus(token?: string, options?: RequestOptions): Promise<LoginStatus>;
  /**
   * `fetch` with the access token and its proof, to the origins of `url` and `apis`; to any other it rejects with
   * `INVALID_PARAMETER` and sends nothing. On 401 it refreshes and repeats once, unless the body is a stream. It follows no
   * redirect: the answer is then of type `opaqueredirect`. Signed out, the request goes without a token.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** The same headers for another HTTP library; good for one request, and none when signed out. */
  authHeaders(method: string, url: string | URL, options?: RequestOptions): Promise<Record<string, string>>;
  /** The sessions of this account on all devices, the last used first. Rejects with `SESSION_REQUIRED` when signed out. */
  listSessions(options?: RequestOptions): Promise<SessionInfo[]>;
  /** Ends one of them. Rejects with `NOT_FOUND` when it is none of this account's. */
  revokeSession(id: string, options?: RequestOptions): Promise<void>;
  /**
   * Calls the listener soon with `INITIAL_SESSION` and the session or null, then on every change, in every tab.
   * Returns the function that ends it.
   */
  onAuthStateChange(listener: (event: AuthEvent, session: Session | null, detail?: { code: AuthWarning }) => void): () => void;

  /**
   * Sends a one-time code by SMS. With a `scene` it is good for that alone (`LOGIN` is good for signup too); for
   * `BIND_PHONE` and `DELETE_ACCOUNT` somebody must be signed in (`SESSION_REQUIRED`). Without a scene the session decides:
   * signed out, the code is good for `login`, `signup` or `resetPassword`; signed in, for `bindPhone` or `updatePhone` of that
   * account. The first use ends it. A server may require a scene (`INVALID_PARAMETER`). The answer is the same whether
   * the number has an account or not. Rejects with `LimitExceededException`, or `FORBIDDEN` where no SMS can be sent.
   */
  sendSmsCode(
    phone_number: string | Input<{ phone_number: string; scene?: CodeScene }>,
    scene?: CodeScene,
    options?: RequestOptions,
  ): Promise<"SUCCESS: Verification code has been sent.">;
  /** The same by mail, for the scene that is given; for `CHANGE_EMAIL` and `DELETE_ACCOUNT` somebody must be signed in. */
  sendEmail(email: string, scene: CodeScene, options?: RequestOptions): Promise<"SUCCESS: Verification E-Mail has been sent.">;
  sendEmail(
    params: Input<{ email: string; scene: CodeScene }>,
    scene?: CodeScene,
    options?: RequestOptions,
  ): Promise<"SUCCESS: Verification E-Mail has been sent.">;
  /**
   * Sends a one-time code to the phone number, or a code and a link to the address, if it has an account; the answer is the
   * same if not. A text that begins with `+` or a digit and has no `@` is a phone number.
   */
  forgotPassword(
    params: string | Input<{ email: string } | { phone_number: string }>,
    options?: RequestOptions,
  ): Promise<"SUCCESS: Verification code has been sent.">;
  /** Sets a new password with the code that was sent. Rejects with `INVALID_CODE` or `EXPIRED_CODE`. */
  resetPassword(params: Input<ResetParams>, options?: RequestOptions): Promise<"SUCCESS: New password has been set.">;
  /** Sets a new password with the token of the mailed link. Rejects with `TOKEN_REVOKED` or `TOKEN_EXPIRED`. */
  resetPassword(token: string, password: string, options?: RequestOptions): Promise<"SUCCESS: New password has been set.">;

  /**
   * Sets another password; all other sessions of the account end. `old_password` may be absent only for an account that has
   * none yet. Rejects with `INVALID_PARAMETER` for a wrong one. It and all calls that change addresses or
   * delete the account need a sign-in within the last minutes: `REAUTH_REQUIRED`.
   */
  updatePassword(
    params: Input<{ new_password: string; old_password?: string }>,
    options?: RequestOptions,
  ): Promise<"SUCCESS: New password has been set.">;

  /**
   * Changes what is given and leaves the rest. `null` or an empty text clears a field; so does, for this method alone, an
   * empty text control of a form. A control that is disabled or absent changes nothing. Resolves with the new profile;
   * rejects with `INVALID_PARAMETER` for `email`, `phone_number` and `password` of an object, which have calls of their own (in
   * a form such controls are left alone), and with `EXISTS` for a username that is taken. Parts of `address` that are
   * given change only these; a field of the operator's own is cleared by `null` alone.
   */
  updateProfile(updates: Input<ProfileUpdates>, options?: RequestOptions): Promise<UserProfile>;
  /** What another user shows to others; null when there is none. Rejects with `SESSION_REQUIRED` when signed out. */
  getUser(user_id: string, options?: RequestOptions): Promise<Partial<UserProfile> | null>;
  /**
   * Gives the account another address: `email_code` was sent to it (`sendEmail(email, "CHANGE_EMAIL")`), `old_email_code` to
   * the one so far, where the server asks for that. Rejects with `INVALID_REQUEST` when there is none yet (`bindEmail`),
   * with `MERGE_REQUIRED` when another account has the new one.
   */
  updateEmail(
    params: Input<{
      email: string;
      email_code: string | number;
      old_email?: string;
      old_email_code?: string | number;
    }>,
    options?: RequestOptions,
  ): Promise<UserProfile>;
  /** The same for the phone number, with codes of the scene `BIND_PHONE`, or codes that were asked for without a scene. */
  updatePhone(
    params: Input<{
      phone_number: string;
      phone_code: string | number;
      old_phone_number?: string;
      old_phone_code?: string | number;
    }>,
    options?: RequestOptions,
  ): Promise<UserProfile>;
  /** Gives the account its first address. Rejects with `INVALID_REQUEST` when it has one, with `MERGE_REQUIRED` as above. */
  bindEmail(params: Input<{ email: string; email_code: string | number }>, options?: RequestOptions): Promise<UserProfile>;
  /** The same for the phone number. */
  bindPhone(params: Input<{ phone_number: string; phone_code: string | number }>, options?: RequestOptions): Promise<UserProfile>;
  /** Takes the address from the account. Rejects with `FORBIDDEN` when it is the account's last way in. */
  unbindEmail(options?: RequestOptions): Promise<UserProfile>;
  /** The same for the phone number. */
  unbindPhone(options?: RequestOptions): Promise<UserProfile>;

  /** What the app keeps for this user, in types that the server's configuration declares. */
  listUdv(options?: RequestOptions): Promise<{ key: string; value: unknown; type: UdvType }[]>;
  /** Sets one value. Rejects with `INVALID_PARAMETER`: field `key` for one that is not declared, `value` for a wrong type. */
  setUdv(key: string, value: unknown, options?: RequestOptions): Promise<void>;
  /** Removes one value. Rejects with `NOT_FOUND` when there is none. */
  removeUdv(key: string, options?: RequestOptions): Promise<void>;

  /**
   * Closes the account and erases its data, with its password or a code of the scene `DELETE_ACCOUNT`. The session ends in
   * all tabs, with `SIGNED_OUT`. Rejects with `INVALID_PARAMETER` for a wrong password, with `INVALID_CODE`.
   */
  deleteAccount(
    params: Input<{ password?: string; code?: string | number }>,
    options?: RequestOptions,
  ): Promise<"SUCCESS: The account has been deleted.">;

  /**
   * Goes to the provider's consent screen, and from there to `callback`: a page's address, in full and exactly as the
   * operator has listed it. There, `login` goes on. Resolves with null when the browser is on its way; outside
   * a browser with the address to go to. To link, call it signed in. Rejects with `INVALID_PARAMETER` for an address that is not
   * listed, with `NOT_FOUND` for a provider that is not set up.
   */
  oauthRedirect(
    provider: OAuthProvider,
    callback: string,
    options?: RequestOptions,
  ): Promise<null | { data: { url: string; provider: string; id: string } }>;
  /**
   * Goes the way of the last `oauthRedirect` again: right after `register` without a screen, which signs the new user in.
   * Rejects with `INVALID_REQUEST` where there was none, and for Twitter and Apple, whose consent is good for once.
   */
  redoOAuth(provider: OAuthProvider, options?: RequestOptions): Promise<null | { reloginUrl: string; provider: string }>;
  /** What the signed-in account is linked to. Rejects with `SESSION_REQUIRED` when signed out. */
  listIdentities(options?: RequestOptions): Promise<Identity[]>;
  /**
   * Takes the provider from the account; resolves with what is left. Rejects with `FORBIDDEN` when it is the last way in, with
   * `NOT_FOUND` when it is not linked, and with `REAUTH_REQUIRED`.
   */
  unlink(provider: OAuthProvider, options?: RequestOptions): Promise<Identity[]>;

  /** Is this address taken? Answers only when the server enables it, else rejects with `FORBIDDEN`. */
  checkEmail(email: string | Input<{ email: string }>, options?: RequestOptions): Promise<EmailStatus>;
  /** Sends the signup confirmation again to the account of the last login that was refused for want of it. */
  resendSignupConfirmation(options?: RequestOptions): Promise<"SUCCESS: Signup confirmation E-Mail has been sent.">;
  /** Sends the address verification mail again. */
  resendVerification(email: string | Input<{ email: string }>, options?: RequestOptions): Promise<{ email: string; message: string }>;
  /**
   * Verifies the account with the secret (token) of the mail's link. The browser that has signed up, or is signed in to the
   * account, needs nothing else. In another one it rejects with `PASSWORD_REQUIRED` the first time that an address of the account
   * is proven, and the link stays good: repeat it with the `password` of the account, or, for who does not know that, with a
   * `new_password`, which ends all that was set up in the account before.
   */
  verifyAccount(secret: string, options?: RequestOptions & VerifyOptions): Promise<UserProfile>;
  /** Verifies the address with the code that the same mail carries; otherwise like `verifyAccount`. */
  verifyEmail(
    params: Input<{ email: string; code: string | number } & VerifyOptions>,
    options?: RequestOptions & VerifyOptions,
  ): Promise<UserProfile>;

  /**
   * A picture for a page that shows one before it is asked for, where `getSettings().captcha` is `"picture"`. Good once, for
   * five minutes. A proof of work needs no call. Rejects with `NOT_FOUND` where nothing has to be solved.
   */
  getCaptcha(options?: RequestOptions): Promise<Captcha & { id: string; image: string }>;
  /** What the server allows. Kept for a minute; from then on the forms check by its rule for passwords. */
  getSettings(options?: RequestOptions): Promise<ServerSettings>;
  /** Ends timers, listeners and requests in flight. Idempotent. Also `[Symbol.dispose]()`. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The fields of a profile that a person fills in. Those that the operator declares stand beside them. */
export interface ProfileFields {
  /** A name to sign in by. */
  username?: string;
  name?: string;
  given_name?: string;
  family_name?: string;
  middle_name?: string;
  nickname?: string;
  preferred_username?: string;
  /** http(s) address of the profile picture. */
  picture?: string;
  /** http(s) address of the profile page. */
  profile?: string;
  /** http(s) address of a web page or blog. */
  website?: string;
  gender?: string;
  /** YYYY-MM-DD, a real date. */
  birthdate?: string;
  zoneinfo?: string;
  locale?: string;
  company?: string;
  /** Beside the address, whose `locality` is a field of its own. Others see it with the address. */
  city?: string;
  /** Likewise; the address has `region`. */
  province?: string;
  /** A line, or the OpenID Connect address claim. */
  address?:
    | string
    | {
        formatted?: string;
        street_address?: string;
        locality?: string;
        region?: string;
        postal_code?: string;
        country?: string;
      };
  /** What other users may see. All default to false. */
  email_public?: boolean;
  phone_number_public?: boolean;
  address_public?: boolean;
  gender_public?: boolean;
  birthdate_public?: boolean;
  /** Free text that only the owner sees. */
  misc?: string;
  /** What the client reports of itself, like the next two; never what the server saw. */
  browser?: string;
  device?: string;
  last_ip?: string;
  /** Tokens of the person's devices, for messages by Firebase. */
  fcm_tokens?: string[];
  /** The operator's own fields; and every name, theirs too, in snake_case or camelCase. Answers have it as it is declared. */
  [extra: string]: unknown;
}

/** `null` clears a field. The parts of the address may stand beside the others. */
export type ProfileUpdates = { [field in keyof ProfileFields]: ProfileFields[field] | null } & {
  email_subscription?: boolean | null;
};

/**
 * A password has 6 to 60 characters, unless the server says otherwise (`getSettings`); it is the same password whether its
 * letters are typed composed or decomposed (Unicode NFC). An e-mail address may have a domain with letters of any script:
 * `joerg@müller.example` and `joerg@xn--mller-kva.example` are one address. A phone number is `+` and 5 to 15
 * digits, like `+12025550123`; spaces, dashes, dots and parentheses do not count, and where the server knows the region
 * the `+` and the country's code may be missing. In a code spaces and dashes do not count, and its digits may be of any script.
 */
export type SignupParams = ProfileFields &
  (
    | { email: string; password: string; phone_number?: string }
    | { username: string; password: string; email?: string; phone_number?: string }
    | { phone_number: string; code: string | number; password?: string }
    | { email: string; code: string | number; password?: string }
  );

export interface SignupOptions extends RequestOptions {
  /**
   * The user must confirm by mail before the first login; a URL or path is where the confirmation link ends. A path needs
   * a page that is served over http(s). Where the operator has set a page of their own (`links.verify`), that page
   * decides where to go on.
   */
  signup_confirmation?: boolean | string;
  /** Newsletter wanted? Default false. */
  email_subscription?: boolean;
  /** Sign in at once, with the hooks and counters of a login. Not together with `signup_confirmation`. */
  login?: boolean;
  /** Sign in at once without counting as a login. Not together with `signup_confirmation`. */
  generate_token?: boolean;
  /**
   * For programs of the operator's only, which ask with a service key of the scope `trusted`: the address of the person's
   * browser. From a page it is refused, `INVALID_PARAMETER`. `clientIp` is taken, too.
   */
  client_ip?: string;
}

export type SignupMessage =
  | "SUCCESS: The account has been created. User's signup confirmation is required."
  | "SUCCESS: The account has been created.";

export type LoginParams =
  | { email: string; password: string }
  | { username: string; password: string }
  | { phone_number: string; password: string }
  | { email: string; code: string | number }
  | { phone_number: string; code: string | number }
  /** 16 to 128 characters that nobody can guess, like those of `crypto.randomUUID()`: it is all the account is known by. */
  | { device_id: string }
  /** 6 to 128 characters. */
  | { custom_id: string };

export interface LoginOptions extends RequestOptions {
  /** Create the account when there is none. Default: as the server's setting for the way to sign in says. */
  auto_register?: boolean;
  /** As in {@link SignupOptions.client_ip}. */
  client_ip?: string;
}

export interface RegisterOptions extends RequestOptions {
  /** Newsletter wanted? Default false. */
  email_subscription?: boolean;
}

/** The name of a provider in the server's configuration (`getSettings().providers`). */
export type OAuthProvider = "google" | "facebook" | "apple" | "twitter" | "microsoft" | (string & {});

/** What came back from a provider. */
export type OAuthLoginData =
  /**
   * OAuth 2 and OpenID Connect. `callback` alone will do where it is the whole address that the browser came back to,
   * `location.href`; else it is the one that `oauthRedirect` was given, and the parts of the query stand beside it.
   */
  | { callback: string; code?: string; state?: string; iss?: string; error?: string; error_description?: string }
  /** OAuth 1.0a (Twitter). */
  | { oauthToken: string; oauthVerifier: string }
  /** Where the server took the answer itself (Apple); and what `LoginOAuth` gave, to link it. */
  | { oauthKey: string }
  /** A token that the app already has from the provider, and the `nonce` that it had asked for in it. */
  | { token: string; nonce?: string };

/** Somebody known is signed in. */
export interface LoginExisting {
  type: "LoginExisting";
  data: { provider: string; email?: string; verified: boolean; id: string };
  message: string;
}

export type LoginResult =
  | LoginExisting
  | {
      type: "LoginLinked";
      data: { provider: string; email?: string; verified: boolean; id: string };
      message: string;
    }
  /**
   * Nobody here is known by this. `id` is the provider's; `email` and `name` are what it says; `verified` is true where it vouches
   * for the address.
   */
  | {
      type: "LoginOAuth";
      data: { oauthKey: string; provider: string; email?: string; verified?: boolean; name?: string; id: string };
      message: string;
    };

export interface ProviderResult<T = UserProfile> {
  data: T;
  message: string;
  /** The provider's id for the person; not for `"local"`. */
  id?: string;
}

/** A way in from elsewhere. */
export interface Identity {
  /** The provider's name. */
  provider: string;
  /** The provider's id for the person. */
  id: string;
  /** The address that the provider gave. */
  email?: string;
  /** RFC 3339. */
  created_at: string;
}

export type ResetParams = { new_password: string } & (
  | { email: string; code: string | number }
  | { phone_number: string; code: string | number }
  | { token: string }
);

export interface EmailStatus {
  data: {
    email: string;
    registered: boolean;
    verified?: boolean;
    created_at?: string;
    updated_at?: string;
    id: string;
  };
  message: "Email available" | "Email already in use";
}

export interface UserProfile extends ProfileFields {
  user_id: string;
  /** In lower case. The domain of an internationalised one is shown in its letters, unless they may look like another domain. */
  email?: string;
  email_verified: boolean;
  phone_number?: string;
  phone_number_verified: boolean;
  email_subscription: boolean;
  roles: string[];
  disabled: boolean;
  logins_count: number;
  /** RFC 3339, like the two below. */
  last_login?: string;
  created_at: string;
  updated_at: string;
}

export interface Session {
  /** Only with `dpop: false`. */
  refresh_token?: string;
  access_token: string;
  token_type: "DPoP" | "Bearer";
  /** Seconds since 1970 by the server's clock. */
  expires_at: number;
  user: UserProfile;
}

/** A signed-in browser. */
export interface SessionInfo {
  id: string;
  /** Is it this one? */
  current: boolean;
  /** RFC 3339, like the next. */
  created_at: string;
  last_seen_at: string;
  ip?: string;
  user_agent?: string;
}

export interface LoginStatus {
  /** Is the token valid? */
  status: boolean;
  /** 200 or 401. */
  code: number;
  message: string;
  /** Seconds since 1970, like the next: when the token ends, when it was made. */
  exp?: number;
  iat?: number;
  /** The user's id. */
  data?: { id: string };
}

export interface ServerSettings {
  methods: string[];
  /** The providers that are set up, for `oauthRedirect`. */
  providers: string[];
  password: { min_length: number; max_length: number };
  captcha: "none" | "proof_of_work" | "picture" | "turnstile" | "hcaptcha" | "recaptcha";
  /** What the widget of such a service is shown with. */
  captcha_site_key?: string;
  signup: { open: boolean; confirmation: "optional" | "required" };
  check_email: boolean;
  /** What answers tell about accounts. */
  disclosure: { signup: "exists" | "quiet"; account: "strict" | "compatible" };
  /** Profile fields that the operator has declared. */
  extras: { name: string; type: UdvType | "strings"; visibility: "owner" | "public" }[];
}

/** What has to be solved. */
export interface Captcha {
  kind: "proof_of_work" | "picture" | "turnstile" | "hcaptcha" | "recaptcha";
  /** Of a picture: what `captcha_id` takes. */
  id?: string;
  /** Of a picture: the `src` of an `img`. What a person reads there is what `captcha_code` takes. */
  image?: string;
  /** Of a service: what its widget is shown with. The token that it gives is what `captcha_code` takes. */
  site_key?: string;
}

/** What a one-time code is good for, and for nothing else. See `sendSmsCode` for a code without a scene. */
export type CodeScene =
  | "LOGIN"
  | "RESET_PASSWORD"
  | "VERIFY_EMAIL"
  | "CHANGE_EMAIL"
  | "BIND_PHONE"
  | "DELETE_ACCOUNT"
  | "VerifyEmail"
  | "ChangeEmail";

/** The type of a value of user-defined data; `datetime` is a text, RFC 3339. */
export type UdvType = "string" | "number" | "boolean" | "datetime" | "object";

export type AuthEvent = "INITIAL_SESSION" | "SIGNED_IN" | "SIGNED_OUT" | "TOKEN_REFRESHED" | "USER_UPDATED" | "SESSION_EXPIRED" | "WARNING";
/**
 * - `storage_in_memory`: the browser refused the storage; the session ends with the page.
 * - `key_in_memory`: the browser keeps no keys; the session ends with the page.
 * - `key_lost`: the key of the session is gone, and the session with it.
 * - `offline`: the server could not be reached for a new token. Told once, until it can be again.
 */
export type AuthWarning = "storage_in_memory" | "key_in_memory" | "key_lost" | "offline";

/**
 * Every rejection is one of these, a real Error with the stack of the call. Its `message` is for people, in the client's `locale`; its
 * `cause` is what the browser or the page threw, if that is the reason.
 */
export class AuthError extends Error {
  constructor(
    init: Pick<AuthError, "code" | "message"> &
      Partial<Pick<AuthError, "status" | "field" | "retry_after" | "id" | "business_code" | "captcha">>,
    options?: { cause?: unknown },
  );
  readonly name: "AuthError";
  readonly code: AuthErrorCode;
  /** HTTP status, or 0 when no answer came. */
  readonly status: number;
  /** The parameter at fault, for validation errors. */
  readonly field?: string;
  /** Seconds to wait, for rate limits. */
  readonly retry_after?: number;
  /** The request's id in the server's log. */
  readonly id?: string;
  /** Numeric code of the same error where another system has one. */
  readonly business_code?: number;
  /** What has to be solved, with `CAPTCHA_REQUIRED`: ask the person, and call again with `captcha_id` and `captcha_code`. */
  readonly captcha?: Captcha;
  toJSON(): {
    name: "AuthError";
    code: AuthErrorCode;
    message: string;
    status: number;
    field?: string;
    retry_after?: number;
    id?: string;
    business_code?: number;
    captcha?: Captcha;
  };
}

/** True for errors of any copy of this package, across realms. */
export function isAuthError(value: unknown): value is AuthError;

export type AuthErrorCode =
  | "INVALID_PARAMETER"
  | "INVALID_REQUEST"
  | "EXISTS"
  | "NOT_FOUND"
  | "FORBIDDEN"
  | "SIGNUP_CONFIRMATION_NEEDED"
  | "PASSWORD_REQUIRED"
  | "USER_IS_DISABLED"
  | "INCORRECT_USERNAME_OR_PASSWORD"
  | "REQUEST_EXCEED"
  | "LimitExceededException"
  | "CAPTCHA_REQUIRED"
  | "INVALID_CODE"
  | "EXPIRED_CODE"
  | "TOKEN_REVOKED"
  | "TOKEN_EXPIRED"
  | "SESSION_REQUIRED"
  | "USE_DPOP_NONCE"
  | "INVALID_PROOF"
  | "OAUTH_REUSED"
  | "OAUTH_DENIED"
  | "OAUTH_STATE_MISMATCH"
  | "SOCIAL_ACCOUNT_IN_USE"
  | "REAUTH_REQUIRED"
  | "TOKEN_BOUND"
  | "MERGE_REQUIRED"
  | "PASSWORD_REJECTED"
  | "HOOK_REJECTED"
  | "OVERLOADED"
  | "INSECURE_CONTEXT"
  | "INTERNAL"
  | "NETWORK"
  | "TIMEOUT"
  | "ABORTED"
  | "SERVER"
  | "WASM_UNAVAILABLE"
  | (string & {});
