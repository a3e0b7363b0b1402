package document

// ReceiptOf is for the tests.
var ReceiptOf = receiptOf
