// Eight projects, with what each remembers, what is asked about it, and what is asked about nothing of it.

/** `word` stands in the memory and not in the question. */
export const PROJECTS = [
  {
    name: "shop",
    memory: "The staging database of the shop listens on port 6544, behind the bastion host.",
    question: "Which port does the staging database listen on?",
    word: "6544",
  },
  {
    name: "parser",
    memory: "The parser must keep comments in the tree, since the formatter puts them back; dropping them broke release 3.1.",
    question: "May the parser drop the comments from the tree?",
    word: "release 3.1",
  },
  {
    name: "mobile app",
    memory: "Push notifications on iOS need the certificate that expires every year on the third of March.",
    question: "Why do push notifications on iOS stop working once a year?",
    word: "third of March",
  },
  {
    name: "billing",
    memory: "Invoices are rounded per line and not per total, as the tax office of Austria asks.",
    question: "How are invoices rounded, per line or per total?",
    word: "Austria",
  },
  {
    name: "größe",
    memory: "Images larger than 40 megapixels are scaled by the worker called heron, all others in the request.",
    question: "Where are large images scaled?",
    word: "heron",
  },
  {
    name: "docs",
    memory: "The documentation is built with the branch called quill of the generator, which fixes the search index.",
    question: "With which branch of the generator is the documentation built?",
    word: "quill",
  },
  {
    name: "firmware",
    memory: "The bootloader waits 750 milliseconds for a serial break before it starts the firmware.",
    question: "How long does the bootloader wait for a serial break?",
    word: "750",
  },
  {
    name: "search",
    memory: "The search cluster is restarted on Tuesdays, after the snapshot that the job nightjar makes.",
    question: "When is the search cluster restarted, and after which snapshot?",
    word: "nightjar",
  },
];

/** Asks about nothing that any of the projects remembers. */
export const OFF_TOPIC = "Please write a poem about the autumn wind in the mountains.";
