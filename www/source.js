// Shows beside each page its module, the part of its HTML between the "source" comments, and its imports.

const WORDS = "import|from|export|const|let|new|if|else|return|async|await|function|for|of|try|catch|finally|true|false|null";
const COLOURS = {
  html: new RegExp(
    String.raw`(?<comment><!--[\s\S]*?-->)|(?<tag></?[\w-]+|/?>)|(?<text>"[^"]*")|(?<name>[\w-]+(?==))` +
      String.raw`|\b(?<word>required|hidden|disabled)\b`,
    "g",
  ),
  js: new RegExp(
    String.raw`(?<comment>//.*|/\*[\s\S]*?\*/)|(?<text>"[^"]*"|${"`[^`]*`"})|\b(?<word>${WORDS})\b|\b(?<tag>auth(\.\w+)?)`,
    "g",
  ),
};

const panel = document.querySelector("#source > div");
const module = document.querySelector("script[data-page]").getAttribute("src");
const name = module.slice(1, -3);

const [html, js] = await Promise.all([location.pathname, module].map(read));
panel.append(
  figure(`${name}.js`, "js", js),
  figure(`${name}.html`, "html", dedent(/** @type {string[]} */ (html.match(/<!-- source -->\n([\s\S]*?)\n *<!-- end -->/))[1])),
);
for (const [, helper] of js.matchAll(/from "\.\/(.*)"/g)) {
  panel.append(figure(helper, "js", await read(`/${helper}`)));
}

// The browser has just loaded these files for the page, so they are in its cache.
async function read(file) {
  const answer = await fetch(file, { cache: "force-cache" });
  return (await answer.text()).trim();
}

function dedent(text) {
  const indent = text.match(/^ */)[0].length;
  return text
    .split("\n")
    .map((line) => line.slice(indent))
    .join("\n");
}

function figure(file, language, text) {
  const copy = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
  copy.setAttribute("aria-label", `Copy ${file}`);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  const caption = document.createElement("figcaption");
  caption.append(file, copy);
  const code = document.createElement("code");
  code.append(...coloured(text, COLOURS[language]));
  // It scrolls sideways, so the keyboard must be able to reach it.
  const pre = Object.assign(document.createElement("pre"), { tabIndex: 0, role: "region", ariaLabel: file });
  pre.append(code);
  const whole = document.createElement("figure");
  whole.append(caption, pre);
  return whole;
}

function* coloured(text, pattern) {
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    const kind = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    const span = Object.assign(document.createElement("span"), { className: `c-${kind}`, textContent: found[0] });
    yield text.slice(at, found.index);
    yield span;
    at = found.index + found[0].length;
  }
  yield text.slice(at);
}
