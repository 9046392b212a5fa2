// What a script of www/ finds by an id or a selector is an element of its own page, which the checker does not read.

interface Document {
  getElementById(id: string): any;
}
interface ParentNode {
  querySelector<Tag extends keyof HTMLElementTagNameMap>(tag: Tag): HTMLElementTagNameMap[Tag];
  querySelector(selector: string): any;
  querySelectorAll<Tag extends keyof HTMLElementTagNameMap>(tag: Tag): NodeListOf<HTMLElementTagNameMap[Tag]>;
  querySelectorAll(selector: string): NodeListOf<any>;
}
/** The controls of a form by their names. */
interface HTMLFormControlsCollection {
  [name: string]: any;
}
