// Types for the programs in tests/ and bench/, in addition to those of Node.js and of browsers.

// Globals for functions that run in a page: the exports of the package, and values that the tests define.
declare const AuthClient: typeof import("./package.js").AuthClient;
declare const AuthError: typeof import("./package.js").AuthError;
declare const isAuthError: typeof import("./package.js").isAuthError;
declare const auth: InstanceType<typeof AuthClient>;
/** Waits until `holds` returns a true value, or for a limited time. */
declare function until(holds: () => unknown): Promise<void>;
/** The code and the field of the error with which a call rejects. */
declare function refusal(call: Promise<unknown>): Promise<string>;
/** The events of `auth` so far. */
declare const events: any[];
/** The unhandled rejections of the page. */
declare const unhandled: any[];
/** The form of the page. */
declare const f: any;
interface Window {
  [name: string]: any;
}

// A selector in a test may have any element type: the tests know the elements of their page.
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

// A promise of the tests may resolve with any value, or without one.
interface PromiseConstructor {
  new (executor: (resolve: (value?: any) => void, reject: (reason?: any) => void) => void): Promise<any>;
}
// JSON.parse converts a Buffer to text.
interface JSON {
  parse(text: Uint8Array): any;
}

// These packages are installed only in tests/package.
declare module "publint";
declare module "publint/utils";
declare module "vite";
declare module "webpack";
