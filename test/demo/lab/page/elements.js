// element makes an element from its attributes, with "on…" for listeners, and its content.
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) {
      made.addEventListener(key.slice(2), value);
    } else if (value !== undefined && value !== false) {
      made.setAttribute(key, value === true ? '' : value);
    }
  }
  made.append(...content.flat(Infinity).filter((part) => part !== undefined && part !== null && part !== ''));
  return made;
}
