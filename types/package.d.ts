// The package for the tests: the names of its public types, but with any arguments, because the tests also pass invalid ones.

import type * as contract from "../js/index.js";
import type { MylibAuth } from "../js/mylib.js";

type Tried<T> = { [Name in keyof T]: T[Name] extends (...given: any) => any ? (...given: any[]) => any : any };

export const AuthClient: new (options?: any) => Tried<contract.AuthClient>;
export const AuthError: new (init?: any, options?: any) => contract.AuthError;
export const isAuthError: typeof contract.isAuthError;
export const init: (source?: any) => Promise<void>;
export const createClient: (options?: any) => { auth: Tried<MylibAuth>; core: Tried<contract.AuthClient> };
