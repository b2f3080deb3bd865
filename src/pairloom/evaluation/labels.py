"""What scores are called where people read them."""

SCORE_LABELS = {
    "pixel_accuracy": "pixel accuracy",
    "class_accuracy": "class accuracy",
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice",
    "boundary_f1": "boundary F1",
    "l1": "L1",
    "psnr": "PSNR in dB",
    "ssim": "SSIM",
}

CLASS_SCORE_LABELS = {"per_class": "IoU", "per_class_dice": "Dice", "per_class_boundary_f1": "boundary F1"}
