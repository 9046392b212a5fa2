/**
 * The argument of every method with `Input<T>`: the submit event of a form whose controls are named like the fields of
 * T, a React synthetic event that wraps one, a form element, a FormData, or T itself.
 *
 * With an event or a form:
 * - The method calls `preventDefault()` synchronously, also when the page submits with `form.requestSubmit()`.
 * - The method reads the fields synchronously, including the submitter's name and value. Later edits change nothing.
 * - The method takes only the names that it knows, including those of its options. A form may have any other controls.
 * - A checkbox is a boolean. An empty optional control counts as absent, and a disabled control is ignored. A dot in a
 *   name nests: `address.locality`, and `extras.coins` for a field that the operator declares.
 * - A field may be named in snake_case or camelCase. A field given in both spellings is `INVALID_PARAMETER`.
 * - A second submit of the same form while the first is pending joins the first: one request, and the same promise.
 * - The form shows an error (`setCustomValidity` + `reportValidity`) until something changes. The control of the field
 *   shows it; the password control shows wrong credentials; the pressed button shows any other error. Before that, the
 *   form, or the target of another event, gets the bubbling event `doorward:error` with the `AuthError` as its
 *   `detail`. If the page calls `preventDefault()` on that event, the SDK does not show the error.
 * - A submitted form has `aria-busy="true"` while the call is pending.
 * - The promise of a call with an event rejects. It causes no `unhandledrejection` if the SDK shows the error or the
 *   page calls `preventDefault()` on `doorward:error`.
 * - On success the browser goes to the submitter's `formaction` or the form's `action`, if the attribute exists. It
 *   does so after the promise has resolved and its handlers have run. Only http(s) URLs are followed (see `navigate`).
 *
 * An object is strict: a name that the method does not know is `INVALID_PARAMETER`. Only `signup` and `updateProfile`
 * send unknown names, because the operator may have declared them; the server rejects undeclared ones.
 * Methods are bound: `form.addEventListener("submit", auth.login)` works.
 */
export type Input<T> = SubmitEvent | { nativeEvent: Event } | HTMLFormElement | FormData | T;

export interface AuthClientOptions {
  /** Base URL of the server, e.g. `https://auth.example.com`. Default: the page's own origin. */
  url?: string | URL;
  /**
   * Where the client keeps tokens. Default `"local"`. If the browser blocks the storage, the client uses the page's
   * memory and emits a `WARNING` event. `"memory"` belongs to this client alone.
   */
  storage?: "local" | "session" | "memory" | AuthStorage;
  /**
   * Prefix of the storage keys. Clients with different prefixes do not see each other. Default: `"doorward"`; if the
   * server has another origin than the page, `"doorward."` followed by the server's URL, so that two projects on one
   * origin keep separate sessions. With a custom `storage` the default is always `"doorward"`.
   */
  storageKey?: string;
  /**
   * Binds tokens to a key of this browser that no script can read (RFC 9449), so that a copied localStorage is useless
   * elsewhere. Needs https or localhost; otherwise every call rejects with `INSECURE_CONTEXT`. Default true. With
   * `false`, tokens are Bearer tokens, and the page can read `Session.refresh_token`.
   */
  dpop?: boolean;
  /** Refreshes the access token before it expires, while the page is visible. Default true. */
  autoRefresh?: boolean;
  /** Timeout of each attempt of a request, in milliseconds. Default 10000. */
  timeout?: number;
  /**
   * Language of error messages and of mails: a BCP 47 tag. Messages exist in English, German (`de`), Indonesian (`id`)
   * and Chinese (`zh`); any other language falls back to English. Default: the language of the document or the
   * navigator.
   */
  locale?: string;
  /**
   * Other APIs that accept the server's access tokens. `fetch` and `authHeaders` serve these origins and `url`, and no
   * others. The client ignores `audience`: every access token has the server's audience (setting `token.audience`).
   */
  apis?: { origin: string; audience?: string }[];
  /**
   * Navigation after a form has succeeded: follow its action (`true`, the default), do nothing (`false`), or call your
   * router.
   */
  navigate?: boolean | ((url: URL) => void);
  /** A replacement for `fetch` (tests, proxies). The client calls it with one argument, a `Request`. */
  fetch?: typeof fetch;
}

/** A key-value store, synchronous or asynchronous. */
export interface AuthStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

/** Options of every method that makes a request: its last argument, or part of it. */
export interface RequestOptions {
  /** Aborts the call, which then rejects with `ABORTED`. */
  signal?: AbortSignal;
  /** Timeout of each attempt of a request of this call, in milliseconds. */
  timeout?: number;
  /**
   * The solution of a captcha for people, after `CAPTCHA_REQUIRED`: the text of a picture with the picture's id, or the
   * token of a service's widget without an id. Controls of the form may have these names too. The SDK solves a proof of
   * work by itself.
   */
  captcha_id?: string;
  captcha_code?: string;
}

/** Proof, in addition to the mail, that the user owns the account. Give one of the two after `PASSWORD_REQUIRED`. */
export interface VerifyOptions {
  /** The password of the account. */
  password?: string;
  /** A new password, if another person made the account. Removes everything that was set up in the account before. */
  new_password?: string;
}

declare global {
  interface GlobalEventHandlersEventMap {
    /** The error of a call with an event or a form. See `Input`. */
    "doorward:error": CustomEvent<AuthError>;
  }
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

/**
 * The client. It is ready to use after construction, without an init call or an await. Importing and constructing have
 * no side effects on a server. Clients with the same `storageKey` share one session. Calls may overlap. The client
 * keeps working after any error. Every rejection is an `AuthError`.
 */
export class AuthClient {
  /** Never throws. The first call rejects if the options or the environment are unsuitable. */
  constructor(options?: AuthClientOptions);

  /**
   * The signed-in user as last seen, without waiting. Null when signed out, or while an asynchronous storage has not
   * been read yet.
   */
  readonly user: UserProfile | null;
  /** The storage in use: `"memory"` when the browser refused the requested storage. */
  readonly persistence: "local" | "session" | "memory" | "custom";

  /**
   * Creates an account: with an e-mail address or username and a password, or with a phone number or e-mail address and
   * a verification code (`sendSmsCode`, `sendEmail`). Resolves with the profile if `login` or `generate_token` signed
   * the user in, otherwise with a `SignupMessage`. Rejects with `EXISTS` if the name is taken, and with `INVALID_CODE`
   * or `EXPIRED_CODE` for the code.
   */
  signup(params: Input<SignupParams>, options?: SignupOptions): Promise<UserProfile | SignupMessage>;
  /**
   * Creates an account by e-mail address and password like `signup`, with the signature of `register` for a provider.
   * Does not sign the user in. If the server does not reveal whether the address was free, `data` has only that
   * address.
   */
  register(
    provider: "local",
    data: Input<{ email: string; password: string; extras?: Partial<ProfileFields> } & ProfileFields>,
    options?: RegisterOptions,
  ): Promise<ProviderResult<UserProfile | { email: string; email_verified: false }>>;
  /**
   * Creates an account for a provider identity that has none, with the `oauthKey` that `login` returned in the same
   * browser. Without `email` the account gets the address that the provider vouches for, if any. Does not sign the user
   * in: call `redoOAuth` or `oauthRedirect` afterwards. Rejects with `EXISTS` if the address is taken: sign in and link
   * instead.
   */
  register(
    provider: OAuthProvider,
    data: Input<{ oauthKey: string; email?: string; password?: string; extras?: Partial<ProfileFields> } & ProfileFields>,
    options?: RegisterOptions,
  ): Promise<ProviderResult>;
  /**
   * Signs in with a password, a verification code, a device id, or an id of another system (`custom_id`). The fields
   * select the sign-in method. Rejects with `INCORRECT_USERNAME_OR_PASSWORD`, `INVALID_CODE`, `EXPIRED_CODE` or
   * `CAPTCHA_REQUIRED`; after a correct password or code with `SIGNUP_CONFIRMATION_NEEDED` or `USER_IS_DISABLED`; with
   * `FORBIDDEN` if the sign-in method is off.
   */
  login(params: Input<LoginParams>, options?: LoginOptions): Promise<UserProfile>;
  /** Signs in with a password, with the signature of `login` for a provider. */
  login(
    provider: "local",
    data: Input<{ email: string; password: string }>,
    intent?: "register",
    options?: LoginOptions,
  ): Promise<LoginExisting>;
  /**
   * Completes a flow that `oauthRedirect` began, with the provider's response, or signs in with a token that the app
   * already has from the provider. Resolves with `LoginExisting` if the user is signed in. Otherwise resolves with
   * `LoginOAuth` and an `oauthKey`, which `register` accepts within ten minutes. The intent `"link"` links the
   * provider's identity to the signed-in account and resolves with `LoginLinked`. The same account must have been
   * signed in for `oauthRedirect`, and the sign-in must be recent (`REAUTH_REQUIRED`). After a `LoginOAuth`, a user who
   * has signed in to an account in the same tab links with `{ oauthKey }`.
   *
   * Rejects with `OAUTH_DENIED` if the user or the provider refused, `OAUTH_STATE_MISMATCH` if this browser began no
   * such flow or has lost its key, `OAUTH_REUSED`, `SOCIAL_ACCOUNT_IN_USE`, and `NOT_FOUND` for a provider that is not
   * set up.
   *
   * A repetition of the call, by a reload or React's strict mode, gets the same result. The SDK does not read the
   * page's URL: pass it as `callback`, and remove it from the address bar yourself. A call whose URL has no provider
   * response joins the pending call for the same provider and page, unless one of them has a `signal`.
   */
  login(provider: OAuthProvider, data: Input<OAuthLoginData>, intent?: "register" | "link", options?: LoginOptions): Promise<LoginResult>;
  login(provider: OAuthProvider, data: Input<OAuthLoginData>, options?: LoginOptions): Promise<LoginResult>;
  /**
   * Signs out in all tabs at once, then at the server. Offline, the client tells the server as soon as it can reach it.
   * `scope` selects the sessions that end: this session (`"local"`, the default), all sessions of the account
   * (`"global"`), or all others (`"others"`). `"global"` and `"others"` need the server: offline they reject with
   * `NETWORK`, although `"global"` has then ended this session. Rejects if the server refuses, for example by a hook
   * (`HOOK_REJECTED`): the server keeps its session, and the local one ends anyway.
   */
  logout(
    event?: Event | { nativeEvent: Event } | HTMLFormElement | { scope?: "local" | "others" | "global" },
    options?: RequestOptions,
  ): Promise<"SUCCESS: The user has been logged out.">;

  /** Asks the server for the signed-in user; null when signed out. `refreshToken: true` refreshes the access token first. */
  getProfile(options?: RequestOptions & { refreshToken?: boolean }): Promise<UserProfile | null>;
  /** The session kept in this browser, without a request. Null when signed out. */
  getSession(): Promise<Session | null>;
  /** An access token that is valid for at least 30 s, refreshed if necessary. Null when signed out. */
  getAccessToken(options?: RequestOptions): Promise<string | null>;
  /** Refreshes now. Concurrent calls share one request. Rejects with `SESSION_REQUIRED` when signed out. */
  refreshToken(options?: RequestOptions): Promise<Session>;
  /**
   * Restores a session from a refresh token that was kept elsewhere, by one refresh. Rejects with `TOKEN_BOUND` if the
   * token is bound to a key that this browser does not have, and with `TOKEN_REVOKED` if the session has ended.
   */
  restoreToken(token: string, options?: RequestOptions): Promise<UserProfile>;
  /**
   * Checks whether an access token is valid, and returns its user. Default: the current access token, refreshed if
   * necessary. `status` has the result; the call rejects only if the server does not respond. A token that is bound to
   * another browser's key is not valid here.
   */
  checkLoginStatus(token?: string, options?: RequestOptions): Promise<LoginStatus>;
  /**
   * Calls `fetch` with the access token and a DPoP proof, for the origins of `url` and `apis`. For any other origin it
   * rejects with `INVALID_PARAMETER` and sends nothing. On 401 it refreshes and repeats the request once, unless the
   * body is a stream. It does not follow redirects: the response then has the type `opaqueredirect`. When signed out,
   * it sends the request without a token.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** The headers that `fetch` would add, for another HTTP library. Valid for one request; empty when signed out. */
  authHeaders(method: string, url: string | URL, options?: RequestOptions): Promise<Record<string, string>>;
  /** The sessions of this account on all devices, the last used first. Rejects with `SESSION_REQUIRED` when signed out. */
  listSessions(options?: RequestOptions): Promise<SessionInfo[]>;
  /** Ends one session of this account. Rejects with `NOT_FOUND` if the account has no session with this id. */
  revokeSession(id: string, options?: RequestOptions): Promise<void>;
  /**
   * Calls the listener soon with `INITIAL_SESSION` and the session or null, then on every change in every tab. Returns
   * a function that removes the listener.
   */
  onAuthStateChange(listener: (event: AuthEvent, session: Session | null, detail?: { code: AuthWarning }) => void): () => void;

  /**
   * Sends a verification code by SMS. With a `scene`, the code is valid for that scene only (`LOGIN` also covers
   * sign-up); `BIND_PHONE` and `DELETE_ACCOUNT` need a signed-in user (`SESSION_REQUIRED`). Without a scene the session
   * decides: signed out, the code is valid for `login`, `signup` or `resetPassword`; signed in, for `bindPhone` or
   * `updatePhone` of that account. The first use consumes the code. A server may require a scene (`INVALID_PARAMETER`).
   * The result does not reveal whether the number has an account. Rejects with `LimitExceededException`, or with
   * `FORBIDDEN` if the server cannot send SMS.
   */
  sendSmsCode(
    phone_number: string | Input<{ phone_number: string; scene?: CodeScene }>,
    scene?: CodeScene,
    options?: RequestOptions,
  ): Promise<"SUCCESS: Verification code has been sent.">;
  /** Sends a verification code by mail for a scene. `CHANGE_EMAIL` and `DELETE_ACCOUNT` need a signed-in user. */
  sendEmail(email: string, scene: CodeScene, options?: RequestOptions): Promise<"SUCCESS: Verification E-Mail has been sent.">;
  sendEmail(
    params: Input<{ email: string; scene: CodeScene }>,
    scene?: CodeScene,
    options?: RequestOptions,
  ): Promise<"SUCCESS: Verification E-Mail has been sent.">;
  /**
   * Sends a verification code to a phone number, or a code and a reset link to an e-mail address, if it has an account.
   * The result does not reveal whether it has. A text that begins with `+` or a digit and has no `@` is a phone number.
   */
  forgotPassword(
    params: string | Input<{ email: string } | { phone_number: string }>,
    options?: RequestOptions,
  ): Promise<"SUCCESS: Verification code has been sent.">;
  /** Sets a new password with the verification code. Rejects with `INVALID_CODE` or `EXPIRED_CODE`. */
  resetPassword(params: Input<ResetParams>, options?: RequestOptions): Promise<"SUCCESS: New password has been set.">;
  /** Sets a new password with the token of the reset link. Rejects with `TOKEN_REVOKED` or `TOKEN_EXPIRED`. */
  resetPassword(token: string, password: string, options?: RequestOptions): Promise<"SUCCESS: New password has been set.">;

  /**
   * Changes the password and ends all other sessions of the account. `old_password` is optional only for an account
   * without a password. Rejects with `INVALID_PARAMETER` if it is wrong. This call, and every call that changes
   * addresses or deletes the account, needs a sign-in within the last minutes (`REAUTH_REQUIRED`).
   */
  updatePassword(
    params: Input<{ new_password: string; old_password?: string }>,
    options?: RequestOptions,
  ): Promise<"SUCCESS: New password has been set.">;

  /**
   * Changes the given fields and keeps the others. `null` or an empty text clears a field; for this method alone, so
   * does an empty text control of a form. A disabled or absent control changes nothing. Given parts of `address` change
   * only these parts. Only `null` clears a field that the operator declares. Resolves with the new profile. Rejects
   * with `INVALID_PARAMETER` for `email`, `phone_number` and `password` in an object, because other methods change
   * them; in a form such controls are ignored. Rejects with `EXISTS` if the username is taken.
   */
  updateProfile(updates: Input<ProfileUpdates>, options?: RequestOptions): Promise<UserProfile>;
  /**
   * The public profile of another user; null if the user does not exist. Rejects with `SESSION_REQUIRED` when signed
   * out.
   */
  getUser(user_id: string, options?: RequestOptions): Promise<Partial<UserProfile> | null>;
  /**
   * Replaces the account's e-mail address. `email_code` is the code sent to the new address (`sendEmail(email,
   * "CHANGE_EMAIL")`), `old_email_code` the code sent to the current one, if the server requires it. Rejects with
   * `INVALID_REQUEST` if the account has no address yet (use `bindEmail`), and with `MERGE_REQUIRED` if another account
   * has the new address.
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
  /**
   * Replaces the phone number, like `updateEmail`, with codes of the scene `BIND_PHONE` or codes requested without a
   * scene.
   */
  updatePhone(
    params: Input<{
      phone_number: string;
      phone_code: string | number;
      old_phone_number?: string;
      old_phone_code?: string | number;
    }>,
    options?: RequestOptions,
  ): Promise<UserProfile>;
  /**
   * Adds the first e-mail address. Rejects with `INVALID_REQUEST` if the account has one, with `MERGE_REQUIRED` as
   * above.
   */
  bindEmail(params: Input<{ email: string; email_code: string | number }>, options?: RequestOptions): Promise<UserProfile>;
  /** Adds the first phone number, like `bindEmail`. */
  bindPhone(params: Input<{ phone_number: string; phone_code: string | number }>, options?: RequestOptions): Promise<UserProfile>;
  /** Removes the e-mail address. Rejects with `FORBIDDEN` if it is the account's last sign-in method. */
  unbindEmail(options?: RequestOptions): Promise<UserProfile>;
  /** Removes the phone number, like `unbindEmail`. */
  unbindPhone(options?: RequestOptions): Promise<UserProfile>;

  /** The data that the app keeps for this user. The server's configuration declares the types. */
  listUdv(options?: RequestOptions): Promise<{ key: string; value: unknown; type: UdvType }[]>;
  /** Sets one value. Rejects with `INVALID_PARAMETER`: field `key` for an undeclared key, `value` for a wrong type. */
  setUdv(key: string, value: unknown, options?: RequestOptions): Promise<void>;
  /** Removes one value. Rejects with `NOT_FOUND` if it does not exist. */
  removeUdv(key: string, options?: RequestOptions): Promise<void>;

  /**
   * Closes the account and erases its data. Needs the password or a code of the scene `DELETE_ACCOUNT`. Ends the
   * session in all tabs, with `SIGNED_OUT`. Rejects with `INVALID_PARAMETER` for a wrong password, and with
   * `INVALID_CODE`.
   */
  deleteAccount(
    params: Input<{ password?: string; code?: string | number }>,
    options?: RequestOptions,
  ): Promise<"SUCCESS: The account has been deleted.">;

  /**
   * Navigates to the provider's consent screen, which leads back to `callback`: the full URL of a page, exactly as the
   * operator has listed it. On that page, call `login`. Resolves with null when the browser is navigating; outside a
   * browser, with the URL to open. To link an identity, call it while signed in. Rejects with `INVALID_PARAMETER` for a
   * URL that is not listed, and with `NOT_FOUND` for a provider that is not set up.
   */
  oauthRedirect(
    provider: OAuthProvider,
    callback: string,
    options?: RequestOptions,
  ): Promise<null | { data: { url: string; provider: string; id: string } }>;
  /**
   * Repeats the last `oauthRedirect`. Right after `register`, the provider shows no screen and the new user is signed
   * in. Rejects with `INVALID_REQUEST` if there was no `oauthRedirect`, and for Twitter and Apple, which accept a
   * consent only once.
   */
  redoOAuth(provider: OAuthProvider, options?: RequestOptions): Promise<null | { reloginUrl: string; provider: string }>;
  /** The provider identities that are linked to the signed-in account. Rejects with `SESSION_REQUIRED` when signed out. */
  listIdentities(options?: RequestOptions): Promise<Identity[]>;
  /**
   * Unlinks the provider from the account, and resolves with the remaining identities. Rejects with `FORBIDDEN` if it
   * is the last sign-in method, with `NOT_FOUND` if it is not linked, and with `REAUTH_REQUIRED`.
   */
  unlink(provider: OAuthProvider, options?: RequestOptions): Promise<Identity[]>;

  /** Checks whether an e-mail address is taken. Rejects with `FORBIDDEN` unless the server enables this call. */
  checkEmail(email: string | Input<{ email: string }>, options?: RequestOptions): Promise<EmailStatus>;
  /** Sends the confirmation mail again, to the account of the last login that failed with `SIGNUP_CONFIRMATION_NEEDED`. */
  resendSignupConfirmation(options?: RequestOptions): Promise<"SUCCESS: Signup confirmation E-Mail has been sent.">;
  /** Sends the mail that verifies the address again. */
  resendVerification(email: string | Input<{ email: string }>, options?: RequestOptions): Promise<{ email: string; message: string }>;
  /**
   * Verifies the account with the secret (token) of the mailed link. The browser that signed up, or that is signed in
   * to the account, needs nothing else. Another browser gets `PASSWORD_REQUIRED` the first time that an address of the
   * account is proven, and the link stays valid. Repeat the call with the account's `password`; a user who does not
   * know it gives a `new_password`, which removes everything that was set up in the account before.
   */
  verifyAccount(secret: string, options?: RequestOptions & VerifyOptions): Promise<UserProfile>;
  /** Verifies the address with the code of the same mail, otherwise like `verifyAccount`. */
  verifyEmail(
    params: Input<{ email: string; code: string | number } & VerifyOptions>,
    options?: RequestOptions & VerifyOptions,
  ): Promise<UserProfile>;

  /**
   * Returns a captcha picture, for a page that shows one before the server requires it (`getSettings().captcha` is
   * `"picture"`). Valid once, for five minutes. A proof of work does not need this call. Rejects with `NOT_FOUND` if
   * the server uses no captcha.
   */
  getCaptcha(options?: RequestOptions): Promise<Captcha & { id: string; image: string }>;
  /** The server's settings, cached for a minute. From then on, forms check passwords by the server's rule. */
  getSettings(options?: RequestOptions): Promise<ServerSettings>;
  /** Ends timers, listeners and pending requests. Idempotent. Also `[Symbol.dispose]()`. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The profile fields that a user fills in. Fields that the operator declares are on the same level. */
export interface ProfileFields {
  /** A name to sign in with. */
  username?: string;
  name?: string;
  given_name?: string;
  family_name?: string;
  middle_name?: string;
  nickname?: string;
  preferred_username?: string;
  /** http(s) URL of the profile picture. */
  picture?: string;
  /** http(s) URL of the profile page. */
  profile?: string;
  /** http(s) URL of a web page or blog. */
  website?: string;
  gender?: string;
  /** YYYY-MM-DD, a real date. */
  birthdate?: string;
  zoneinfo?: string;
  locale?: string;
  company?: string;
  /** Separate from `address.locality`. Other users see it if `address_public` is set. */
  city?: string;
  /** Separate from `address.region`. Other users see it if `address_public` is set. */
  province?: string;
  /** One line of text, or the OpenID Connect address claim. */
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
  /** Visibility of fields to other users. All default to false. */
  email_public?: boolean;
  phone_number_public?: boolean;
  address_public?: boolean;
  gender_public?: boolean;
  birthdate_public?: boolean;
  /** Free text that only the owner sees. */
  misc?: string;
  /** Reported by the client, like the next two fields; never observed by the server. */
  browser?: string;
  device?: string;
  last_ip?: string;
  /** Tokens of the user's devices for Firebase messages. */
  fcm_tokens?: string[];
  /**
   * Fields that the operator declares. Every name may be in snake_case or camelCase; responses use the declared
   * spelling.
   */
  [extra: string]: unknown;
}

/** `null` clears a field. The parts of the address may also be given on the top level. */
export type ProfileUpdates = { [field in keyof ProfileFields]: ProfileFields[field] | null } & {
  email_subscription?: boolean | null;
};

/**
 * Fields of a sign-up.
 *
 * A password has 6 to 60 characters, unless the server has other limits (`getSettings`). Composed and decomposed
 * letters are equal (Unicode NFC). The domain of an e-mail address may have letters of any script:
 * `joerg@müller.example` and `joerg@xn--mller-kva.example` are one address. A phone number is `+` and 5 to 15 digits,
 * like `+12025550123`. Spaces, dashes, dots and parentheses are ignored; if the server knows the region, the `+` and
 * the country code are optional. In a verification code, spaces and dashes are ignored, and its digits may be of any
 * script.
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
   * Requires a confirmation by mail before the first login. A URL or path names the page to which the confirmation link
   * leads. A path needs a page that is served over http(s). If the operator has set a custom page (`links.verify`),
   * that page decides where the user goes next.
   */
  signup_confirmation?: boolean | string;
  /** Subscribes to the newsletter. Default false. */
  email_subscription?: boolean;
  /** Signs in at once, with the hooks and counters of a login. Excludes `signup_confirmation`. */
  login?: boolean;
  /** Signs in at once without counting as a login. Excludes `signup_confirmation`. */
  generate_token?: boolean;
  /**
   * IP address of the user's browser. Only for the operator's programs with a service key of the scope `trusted`; a
   * page gets `INVALID_PARAMETER`. Also accepted as `clientIp`.
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
  /**
   * 16 to 128 random characters, like those of `crypto.randomUUID()`. This id alone opens the account, so it must be
   * unguessable.
   */
  | { device_id: string }
  /** 6 to 128 characters. */
  | { custom_id: string };

export interface LoginOptions extends RequestOptions {
  /** Creates the account if there is none. Default: the server's setting for the sign-in method. */
  auto_register?: boolean;
  /** See {@link SignupOptions.client_ip}. */
  client_ip?: string;
}

export interface RegisterOptions extends RequestOptions {
  /** Subscribes to the newsletter. Default false. */
  email_subscription?: boolean;
}

/** The name of a provider in the server's configuration (`getSettings().providers`). */
export type OAuthProvider = "google" | "facebook" | "apple" | "twitter" | "microsoft" | (string & {});

/** The response of a provider. */
export type OAuthLoginData =
  /**
   * OAuth 2 and OpenID Connect. `callback` alone is enough if it is the full URL to which the browser came back
   * (`location.href`). Otherwise `callback` is the URL that `oauthRedirect` got, and the query parameters are fields of
   * their own.
   */
  | { callback: string; code?: string; state?: string; iss?: string; error?: string; error_description?: string }
  /** OAuth 1.0a (Twitter). */
  | { oauthToken: string; oauthVerifier: string }
  /** A flow whose response the server received itself (Apple). Also the `oauthKey` of a `LoginOAuth`, to link it. */
  | { oauthKey: string }
  /** A token that the app already has from the provider, and the `nonce` that the app requested in it. */
  | { token: string; nonce?: string };

/** A user with an account is signed in. */
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
   * No account has this provider identity. `id`, `email` and `name` are the provider's. `verified` is true if the
   * provider vouches for the address.
   */
  | {
      type: "LoginOAuth";
      data: { oauthKey: string; provider: string; email?: string; verified?: boolean; name?: string; id: string };
      message: string;
    };

export interface ProviderResult<T = UserProfile> {
  data: T;
  message: string;
  /** The provider's id for the user; absent for `"local"`. */
  id?: string;
}

/** A provider identity that is linked to an account. */
export interface Identity {
  /** The provider's name. */
  provider: string;
  /** The provider's id for the user. */
  id: string;
  /** The e-mail address that the provider returned. */
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
  /**
   * In lower case. An internationalised domain is shown in its own script, unless it may be confused with another
   * domain.
   */
  email?: string;
  email_verified: boolean;
  phone_number?: string;
  phone_number_verified: boolean;
  email_subscription: boolean;
  roles: string[];
  disabled: boolean;
  logins_count: number;
  /** RFC 3339, like the next two fields. */
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

/** A session of a signed-in browser. */
export interface SessionInfo {
  id: string;
  /** True for the session of this browser. */
  current: boolean;
  /** RFC 3339, like the next field. */
  created_at: string;
  last_seen_at: string;
  ip?: string;
  user_agent?: string;
}

export interface LoginStatus {
  /** True if the token is valid. */
  status: boolean;
  /** 200 or 401. */
  code: number;
  message: string;
  /** End of the token's life in seconds since 1970. `iat` is when it was issued. */
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
  /** The site key for the widget of such a service. */
  captcha_site_key?: string;
  signup: { open: boolean; confirmation: "optional" | "required" };
  check_email: boolean;
  /** How much responses reveal about accounts. */
  disclosure: { signup: "exists" | "quiet"; account: "strict" | "compatible" };
  /** Profile fields that the operator has declared. */
  extras: { name: string; type: UdvType | "strings"; visibility: "owner" | "public" }[];
}

/** A captcha to solve. */
export interface Captcha {
  kind: "proof_of_work" | "picture" | "turnstile" | "hcaptcha" | "recaptcha";
  /** For a picture: the value of `captcha_id`. */
  id?: string;
  /** For a picture: the `src` of an `img`. The text in it is the value of `captcha_code`. */
  image?: string;
  /** For a service: the site key of its widget. The widget's token is the value of `captcha_code`. */
  site_key?: string;
}

/**
 * The purpose of a verification code; the code is valid for this purpose only. See `sendSmsCode` for a code without a
 * scene.
 */
export type CodeScene =
  | "LOGIN"
  | "RESET_PASSWORD"
  | "VERIFY_EMAIL"
  | "CHANGE_EMAIL"
  | "BIND_PHONE"
  | "DELETE_ACCOUNT"
  | "VerifyEmail"
  | "ChangeEmail";

/** The type of a user-defined value; `datetime` is an RFC 3339 text. */
export type UdvType = "string" | "number" | "boolean" | "datetime" | "object";

export type AuthEvent = "INITIAL_SESSION" | "SIGNED_IN" | "SIGNED_OUT" | "TOKEN_REFRESHED" | "USER_UPDATED" | "SESSION_EXPIRED" | "WARNING";
/**
 * Reason of a `WARNING` event.
 * - `storage_in_memory`: the browser refused the storage; the session ends with the page.
 * - `key_in_memory`: the browser cannot store keys; the session ends with the page.
 * - `key_lost`: the key of the session is lost, so the session has ended.
 * - `offline`: the server could not be reached for a new token. Emitted once per outage.
 */
export type AuthWarning = "storage_in_memory" | "key_in_memory" | "key_lost" | "offline";

/**
 * The error of every rejection, a real Error with the stack of the call. `message` is for users, in the client's
 * `locale`. `cause` is the exception of the browser or the page that caused it, if any.
 */
export class AuthError extends Error {
  constructor(
    init: Pick<AuthError, "code" | "message"> &
      Partial<Pick<AuthError, "status" | "field" | "retry_after" | "id" | "business_code" | "captcha">>,
    options?: { cause?: unknown },
  );
  readonly name: "AuthError";
  readonly code: AuthErrorCode;
  /** HTTP status; 0 without a response. */
  readonly status: number;
  /** The invalid parameter, for validation errors. */
  readonly field?: string;
  /** Seconds to wait, for rate limits. */
  readonly retry_after?: number;
  /** The id of the request in the server's log. */
  readonly id?: string;
  /** The numeric code of the same error in another system, if it has one. */
  readonly business_code?: number;
  /**
   * The captcha to solve, with `CAPTCHA_REQUIRED`: ask the user, and repeat the call with `captcha_id` and
   * `captcha_code`.
   */
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
