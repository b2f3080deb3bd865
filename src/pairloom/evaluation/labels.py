"""What scores are called where people read them."""

SCORE_LABELS = {
    "pixel_accuracy": "pixel accuracy",
    "class_accuracy": "class accuracy",
    "mean_iou": "mean IoU",
    "boundary_f1": "boundary F1",
    "l1": "L1",
    "psnr": "PSNR in dB",
    "ssim": "SSIM",
}
