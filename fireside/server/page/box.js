// The box that questions are typed into.

const question = document.getElementById("question");
const sendButton = document.getElementById("send");

export function write(text) {
  question.value = text;
  fit();
}

/** What could not be sent stands in the box again, above what was typed since. */
export function giveBack(text) {
  write([text, question.value].filter(Boolean).join("\n"));
}

/** As high as what is in it. */
export function fit() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
  sendButton.disabled = !question.value.trim();
}
