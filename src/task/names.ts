/**
 * Names and ids for containers that were not given any.
 *
 * @module
 */

const ADJECTIVES =
  ("able agile amber bold brave bright brisk calm candid clever cosmic crisp curious daring deft " +
    "eager earnest easy epic fair fancy fast fierce fond frank fresh gentle glad golden grand happy hardy honest humble " +
    "jolly keen kind lively loyal lucid lucky mellow merry mighty modest neat nimble noble patient placid plucky polite " +
    "proud quick quiet rapid ready royal serene sharp shiny silent sincere smart snappy solid spry stable steady stoic " +
    "sturdy subtle sunny swift tender tidy tranquil trusty upbeat vivid warm wise witty zealous zesty")
    .split(" ");

const SURNAMES =
  ("allen babbage bartik bell booth borg brooks cerf church clarke codd conway cray dijkstra engelbart " +
    "euler feynman floyd galois gauss gosling hamilton hamming hoare holberton hopper huffman iverson joy karp kay " +
    "kernighan kildall kleene knuth lamport liskov lovelace mccarthy mcilroy mckusick metcalfe mills milner minsky moore " +
    "neumann noether ousterhout pascal perlis pike postel ritchie rivest shamir shannon stallman steele sutherland tarjan " +
    "tesla thompson torvalds turing ullman wilkes wirth zuse").split(" ");

/** 64 random hex digits. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  let id = "";
  for (const byte of bytes) id += byte.toString(16).padStart(2, "0");
  return id;
}

/** `brave_hopper`. */
export function newName(): string {
  const [a, b] = crypto.getRandomValues(new Uint16Array(2));
  return `${ADJECTIVES[a! % ADJECTIVES.length]}_${SURNAMES[b! % SURNAMES.length]}`;
}
