/** Something that whoever builds the role can put right; its message is all that there is to say. */
export class Mistake extends Error {}
