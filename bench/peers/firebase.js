// Firebase's functions are imported separately; these match the features of doorward's first release.
import { initializeApp } from "@firebase/app";
import * as auth from "@firebase/auth";
export const construct = () => auth.getAuth(initializeApp({ apiKey: "key", authDomain: location.host, projectId: "bench" }));
export const calls = [
  auth.createUserWithEmailAndPassword,
  auth.signInWithEmailAndPassword,
  auth.signOut,
  auth.onAuthStateChanged,
  auth.getIdToken,
  auth.sendEmailVerification,
  auth.applyActionCode,
  auth.sendPasswordResetEmail,
  auth.confirmPasswordReset,
];
