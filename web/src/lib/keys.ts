/** A shortcut as written in a command: "mod+shift+o". `mod` is ⌘ on Apple machines, Ctrl elsewhere. */
export type Keys = string;

type KeyPress = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

// eslint-disable-next-line @typescript-eslint/no-deprecated -- its successor is in one browser only
export function isApple(platform = navigator.platform): boolean {
  return /Mac|iPhone|iPad/.test(platform);
}

/** Letters are compared by their place on the keyboard: a Korean layout gives "ㅏ" where others give "k". */
function keyOf(press: KeyPress): string {
  const letter = /^Key([A-Z])$/.exec(press.code);
  return letter?.[1] ? letter[1].toLowerCase() : press.key.toLowerCase();
}

export function matches(keys: Keys, press: KeyPress, apple = isApple()): boolean {
  const parts = keys.split("+");
  const key = parts.at(-1);
  const mod = parts.includes("mod");
  return (
    keyOf(press) === key &&
    (apple ? press.metaKey === mod && !press.ctrlKey : press.ctrlKey === mod && !press.metaKey) &&
    press.shiftKey === parts.includes("shift") &&
    press.altKey === parts.includes("alt")
  );
}

const both = { enter: "Enter", arrowup: "↑", backspace: "⌫" };
const apples: Record<string, string> = { ...both, mod: "⌘", shift: "⇧", alt: "⌥", escape: "esc" };
const others: Record<string, string> = { ...both, mod: "Ctrl", shift: "Shift", alt: "Alt", escape: "Esc" };

/** The keys as the reader's keyboard shows them, one cap for each. */
export function keyCaps(keys: Keys, apple = isApple()): string[] {
  const names = apple ? apples : others;
  return keys.split("+").map((part) => names[part] ?? part.toUpperCase());
}
