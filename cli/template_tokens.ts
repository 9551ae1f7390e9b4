/**
 * The words of a template's action.
 *
 * @module
 */

import { templateError } from "./template_error.ts";

/**
 * Words and signs. A field that follows something at once, as in `$x.Name`, begins with `!`: in
 * `f .Name` it is an argument, there it is a part.
 */
export function tokenize(action: string): string[] {
  const pattern =
    /(\s+)|("(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])*')|(:=|[=|(),])|(\$\w*|[-+]?\d[\w.]*|\w+)|(\.\w*)/gys;
  const tokens: string[] = [];
  let at = 0;
  let touches = false; // whether what came before can have fields
  for (let match = pattern.exec(action); match !== null; match = pattern.exec(action)) {
    at = pattern.lastIndex;
    const [text, space, , , , field] = match;
    if (space === undefined) {
      tokens.push(field !== undefined && touches ? `!${text}` : text);
    }
    touches = space === undefined && /[\w)]$|^\$/.test(text) && !/^['"`\d]/.test(text);
  }
  if (at < action.length) {
    throw templateError(`unexpected ${JSON.stringify(action[at])} in ${JSON.stringify(action)}`);
  }
  return tokens;
}
