// The scripts of www/ look up elements of their own page. TypeScript does not read the page, so the type of an element is `any`.

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
