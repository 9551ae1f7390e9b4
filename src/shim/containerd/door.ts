/**
 * What `containerd-shim-ctr-v2` does, each loaded when it is done.
 *
 * @module
 */

export { shimArguments } from "./arguments.ts";

/** Start a shim in the background. */
export const start = (): Promise<typeof import("./start.ts")> => import("./start.ts");
/** Be one. */
export const serve = (): Promise<typeof import("./serve.ts")> => import("./serve.ts");
/** Remove what one left. */
export const remove = (): Promise<typeof import("./delete.ts")> => import("./delete.ts");
