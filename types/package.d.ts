// The package as the tests use it: by the names of its contract. They give the calls anything, what is wrong, too.

import type * as contract from "../js/index.js";
import type { MylibAuth } from "../js/mylib.js";

type Tried<T> = { [Name in keyof T]: T[Name] extends (...given: any) => any ? (...given: any[]) => any : any };

export const AuthClient: new (options?: any) => Tried<contract.AuthClient>;
export const AuthError: new (init?: any, options?: any) => contract.AuthError;
export const isAuthError: typeof contract.isAuthError;
export const init: (source?: any) => Promise<void>;
export const createClient: (options?: any) => { auth: Tried<MylibAuth>; core: Tried<contract.AuthClient> };
