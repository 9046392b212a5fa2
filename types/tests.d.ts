// What the programs in tests/ and bench/ have beyond the types of Node.js and of browsers.

// What functions that run in a page find there: what the package exports, and what the tests have put there.
declare const AuthClient: typeof import("./package.js").AuthClient;
declare const AuthError: typeof import("./package.js").AuthError;
declare const isAuthError: typeof import("./package.js").isAuthError;
declare const auth: InstanceType<typeof AuthClient>;
/** Waits until this holds, or for a while. */
declare function until(holds: () => unknown): Promise<void>;
/** What a call rejects with: its code and field. */
declare function refusal(call: Promise<unknown>): Promise<string>;
/** The events of `auth` so far. */
declare const events: any[];
/** The rejections that nobody has handled. */
declare const unhandled: any[];
/** The form of the page. */
declare const f: any;
interface Window {
  [name: string]: any;
}

// The tests know which element of their page they ask for.
interface ParentNode {
  querySelector<Tag extends keyof HTMLElementTagNameMap>(tag: Tag): HTMLElementTagNameMap[Tag];
  querySelector(selector: string): any;
}
interface Document {
  readonly activeElement: any;
}
interface HTMLFormControlsCollection {
  [name: string]: any;
}

// A promise that is made by hand resolves with anything, or with nothing.
interface PromiseConstructor {
  new (executor: (resolve: (value?: any) => void, reject: (reason?: any) => void) => void): Promise<any>;
}
// It makes a text of a Buffer.
interface JSON {
  parse(text: Uint8Array): any;
}

// Only tests/package/package.json has these.
declare module "publint";
declare module "publint/utils";
declare module "vite";
declare module "webpack";
