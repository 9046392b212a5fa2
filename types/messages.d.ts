// The build generates these modules from protocol/locales: English messages and their translations.

declare module "*/messages-de.js" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "*/messages-id.js" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "*/messages-zh.js" {
  const texts: Record<string, string>;
  export default texts;
}
